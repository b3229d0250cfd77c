/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/report_check_test.c - a report that fits its charger, and not.
 *
 * Covers A16 (replay), S3.12.  One row a rule, each with its one reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "trust/report.h"

struct situation {
	struct vs_report report;
	struct vs_ecu ecus[2];
	struct vs_report_known known;
};

struct rule {
	const char *name;
	vs_reason reason;
	void (*spoil)(struct situation *s);
};

static void write(char *out, size_t cap, const char *text)
{
	(void)snprintf(out, cap, "%s", text);
}

static void begin(struct situation *s)
{
	*s = (struct situation){
		.report = {.vehicle = "CP-0001",
	                   .primary = "CP-0001-gateway",
	                   .counter = 8,
	                   .nonce = "n2",
	                   .ecus = {{.id = "CP-0001-controller",
	                             .hardware = "mc-rev1"},
	                            {.id = "CP-0001-gateway",
	                             .hardware = "gw-rev3"}},
	                   .ecu_count = 2},
		.ecus = {{.id = "CP-0001-gateway", .hardware = "gw-rev3"},
	                   {.id = "CP-0001-controller", .hardware = "mc-rev1"}},
		.known = {.vehicle = "CP-0001",
	                   .counter = 7,
	                   .nonce = "n2",
	                   .nonce_before = "n1",
	                   .ecu_count = 2},
	};
	s->known.ecus = s->ecus;
}

static void nothing(struct situation *s)
{
	(void)s;
}

static void answer_lost(struct situation *s)
{
	write(s->report.nonce, sizeof s->report.nonce, "n1");
}

static void restarted(struct situation *s)
{
	s->report.nonce[0] = '\0';
}

static void first_ever(struct situation *s)
{
	restarted(s);
	s->known.counter = 0;
	s->known.nonce = s->known.nonce_before = "";
}

static void nothing_known_of_ecus(struct situation *s)
{
	s->known.ecus = NULL;
	s->known.ecu_count = 0;
}

static void other_vehicle(struct situation *s)
{
	write(s->report.vehicle, sizeof s->report.vehicle, "CP-0002");
}

static void same_counter(struct situation *s)
{
	s->report.counter = 7;
}

static void lower_counter(struct situation *s)
{
	s->report.counter = 6;
}

static void old_nonce(struct situation *s)
{
	write(s->report.nonce, sizeof s->report.nonce, "n0");
}

static void nonce_out_of_nowhere(struct situation *s)
{
	s->known.nonce = s->known.nonce_before = "";
}

static void unknown_primary(struct situation *s)
{
	write(s->report.primary, sizeof s->report.primary, "CP-0001-display");
}

static void unknown_secondary(struct situation *s)
{
	write(s->report.ecus[0].id, sizeof s->report.ecus[0].id,
	      "CP-0001-display");
}

static void other_hardware(struct situation *s)
{
	write(s->report.ecus[0].hardware, sizeof s->report.ecus[0].hardware,
	      "mc-rev2");
}

static void no_secondary(struct situation *s)
{
	s->report.ecus[0] = s->report.ecus[1];
	s->report.ecu_count = 1;
}

static void no_ecus(struct situation *s)
{
	s->report.ecu_count = 0;
}

#define ROW(name, reason, spoil)                                               \
	{                                                                      \
		name, VS_REASON_##reason, spoil                                \
	}

/* clang-format off */
static const struct rule rules[] = {
	ROW("a_report_that_fits_is_taken", NONE, nothing),
	ROW("the_nonce_before_will_do", NONE, answer_lost),
	ROW("a_report_without_a_nonce_where_one_was_given", REPLAY, restarted),
	ROW("the_first_report_has_none", NONE, first_ever),
	ROW("ecus_that_are_not_known_are_not_compared", NONE, nothing_known_of_ecus),
	ROW("a_report_of_another_charger", WRONG_VEHICLE, other_vehicle),
	ROW("the_same_counter_again", REPLAY, same_counter),
	ROW("a_lower_counter", REPLAY, lower_counter),
	ROW("a_nonce_of_long_ago", REPLAY, old_nonce),
	ROW("a_nonce_that_was_never_given", REPLAY, nonce_out_of_nowhere),
	ROW("a_primary_this_charger_lacks", UNKNOWN_ECU, unknown_primary),
	ROW("a_secondary_this_charger_lacks", UNKNOWN_ECU, unknown_secondary),
	ROW("an_ecu_of_other_hardware", WRONG_HARDWARE, other_hardware),
	ROW("a_secondary_that_is_missing", INCOMPLETE_SET, no_secondary),
	ROW("a_report_about_nothing", INCOMPLETE_SET, no_ecus),
};
/* clang-format on */

enum { RULES = sizeof rules / sizeof *rules };

static void the_rule(void **state)
{
	const struct rule *r = *state;
	struct situation s;
	struct vs_why why = {0};
	vs_status status;

	begin(&s);
	r->spoil(&s);
	status = vs_report_check(&s.report, &s.known, &why);
	assert_string_equal(vs_reason_name(why.code),
	                    vs_reason_name(r->reason));
	assert_int_equal(status,
	                 r->reason == VS_REASON_NONE ? VS_OK : VS_ERR_REFUSED);
}

int main(void)
{
	struct CMUnitTest tests[RULES];

	for (size_t i = 0; i < RULES; i++)
		tests[i] = (struct CMUnitTest){
			.name = rules[i].name,
			.test_func = the_rule,
			.initial_state =
				(void *)(uintptr_t)(const void *)&rules[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
