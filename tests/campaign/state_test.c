/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/campaign/state_test.c - the moves of a whole campaign.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "campaign/state.h"

/* S0.26 */
static void only_the_moves_of_the_table_can_be_made(void **state)
{
	static const char *const rows[VS_CAMPAIGN_STATES] = {
		/* approve start pause resume abort halt finish retry */
		[VS_CAMPAIGN_DRAFT] = "a___x___",
		[VS_CAMPAIGN_APPROVED] = "_r__x___",
		[VS_CAMPAIGN_RUNNING] = "__p_xhdr",
		[VS_CAMPAIGN_PAUSED] = "___rxhdp",
		[VS_CAMPAIGN_HALTED] = "____x__D",
		[VS_CAMPAIGN_DONE] = "_______r",
		[VS_CAMPAIGN_ABORTED] = "________",
	};
	static const char letters[] = "Darphdx";

	(void)state;
	for (int s = 0; s < VS_CAMPAIGN_STATES; s++)
		for (int m = 0; m < VS_MOVES; m++) {
			enum vs_campaign_state at = (enum vs_campaign_state)s;
			char to = rows[s][m];
			vs_status st =
				vs_campaign_move(&at, (enum vs_campaign_move)m);

			assert_int_equal(st, to == '_' ? VS_ERR_STATE : VS_OK);
			if (st)
				assert_int_equal(at, s);
			else
				assert_int_equal(letters[at], to);
		}
	assert_string_equal(vs_campaign_state_name(VS_CAMPAIGN_HALTED),
	                    "halted");
	assert_string_equal(vs_campaign_state_name((enum vs_campaign_state)99),
	                    "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_moves_of_the_table_can_be_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
