/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/main.c - the loader: decides, hands over, starts.
 *
 * It is entered by the firmware, which checked it under Secure Boot, and ends
 * in a kernel or in a reset: never in the firmware's next boot option.
 */
#include "boot/boot.h"
#include "boot/decision.h"
#include "boot/memory.h"
#include "boot/port/bearssl.h"
#include "boot/port/uefi/command.h"
#include "boot/port/uefi/kernel.h"
#include "boot/port/uefi/measure.h"
#include "boot/port/uefi/say.h"
#include "boot/port/uefi/start.h"
#include "boot/port/uefi/store.h"
#include "boot/port/uefi/tpm_floors.h"

efi_status efi_main(efi_handle image, struct efi_system *system);

enum { RESET_AFTER_US = 5000000, STARTS_MAX = VS_SLOTS + 1 };

/* What became of a start that did not become one. */
enum outcome { IMAGE_FAILED, MACHINE_FAILED };

struct loader {
	const struct efi_system *system;
	efi_handle image;
	struct vs_settings settings;
	struct vs_keyring ring;
	struct vs_store store;
	struct vs_boot_ops ops;
	struct vs_boot_component components[VS_BOOT_COMPONENTS_MAX];
	int count;
	struct vs_boot_scratch scratch;
	struct vs_boot_decision decision;
	struct vs_seal_header recovery;
	enum vs_reset_cause cause;
	uint8_t record[VS_DECISION_LEN_MAX];
	char command[VS_COMMAND_MAX + 1];
	size_t command_len;
};

static struct loader loader; /* 2 MiB: more than a firmware's stack */

static void say_why(const struct efi_system *system, const char *what,
                    const struct vs_why *why)
{
	vs_say(system, "voltseal: ");
	vs_say(system, what);
	vs_say(system, ": ");
	vs_say(system, why->what);
	vs_say(system, "\n");
}

static vs_status open_all(struct loader *l)
{
	struct vs_why why = {VS_REASON_NONE, "", 0};
	struct efi_loaded_image *self = NULL;
	struct vs_crypto crypto;
	vs_status status;

	vs_bearssl_i31(&crypto);
	status = vs_settings_decode(vs_settings_section, &l->settings, &why);
	if (status == VS_OK)
		status = vs_keyring_open(NULL, &crypto, l->settings.keyring,
		                         l->settings.keyring_len, &l->ring,
		                         &why);
	if (status != VS_OK) {
		say_why(l->system, "the loader's settings", &why);
		return status;
	}
	if (l->system->boot->handle_protocol(l->image, &efi_loaded_image_id,
	                                     &self) != EFI_SUCCESS ||
	    !self)
		return VS_ERR_IO;
	status = vs_store_open(l->system, self->device, &l->settings, &l->store,
	                       &why);
	if (status != VS_OK) {
		say_why(l->system, "the disk", &why);
		return status;
	}
	vs_store_ops(&l->store, &crypto, &l->ops);
	l->count = vs_store_components(&l->settings, l->components);
	return VS_OK;
}

static void say_secure_boot(const struct efi_system *system)
{
	uint8_t on = 0;
	size_t len = sizeof(on);

	if (system->runtime->get_variable(u"SecureBoot", &efi_global_id, NULL,
	                                  &len, &on) != EFI_SUCCESS)
		on = 0;
	vs_say_line(system, on ? "Secure Boot is on" : "Secure Boot is off");
}

static void say_decision(const struct loader *l)
{
	const struct vs_boot_decision *d = &l->decision;
	const struct efi_system *system = l->system;

	if (d->verdict == VS_VERDICT_RECOVER) {
		vs_say(system, "voltseal: starts recovery ");
		vs_say(system, l->recovery.version);
		vs_say(system, "\n");
		return;
	}
	if (d->verdict != VS_VERDICT_BOOT) {
		vs_say(system, "voltseal: starts nothing, recovery: ");
		vs_say(system, vs_reason_name(d->recovery));
		vs_say(system, "\n");
		return;
	}
	vs_say(system, "voltseal: starts slot ");
	vs_say(system, d->slot == 0 ? "a" : "b");
	vs_say(system, ", version ");
	vs_say(system, d->header[0].version);
	vs_say(system, d->trial ? ", on trial, tries left " : ", good, floor ");
	vs_say_number(system, d->trial ? d->tries_left : d->floor[0]);
	vs_say(system, d->fell_back ? ", fell back" : "");
	vs_say(system, d->record_lost ? ", record was lost" : "");
	vs_say(system, d->floor_raised ? ", floor raised" : "");
	vs_say(system, ", keyring ");
	vs_say_number(system, d->keyring_version);
	vs_say(system, "\n");
}

static void ask(struct loader *l)
{
	if (vs_boot_decide(&l->ops, l->components, l->count, &l->ring, l->cause,
	                   &l->scratch, &l->decision) != VS_OK)
		vs_say_line(l->system, "record or floors cannot be written");
}

/* A DENY leaves everything as it was, so one may ask again: with the keyring
 * that somebody brought, if there is one.
 */
static void decide(struct loader *l)
{
	struct vs_boot_component recovery = {
		l->settings.recovery.name, l->settings.recovery.hardware, true};

	ask(l);
	if (l->decision.verdict == VS_VERDICT_DENY &&
	    vs_store_look_at_media(&l->store) == VS_OK) {
		vs_say_line(l->system, "a medium with a keyring is here");
		ask(l);
	}
	if (l->decision.verdict == VS_VERDICT_DENY &&
	    l->settings.recovery.name[0] != '\0' &&
	    vs_boot_recover(&l->ops, &recovery, &l->ring, &l->scratch,
	                    &l->decision, &l->recovery) != VS_OK)
		l->decision.verdict = VS_VERDICT_DENY;
	if (l->settings.recovery.name[0] != '\0' &&
	    vs_boot_recovery_raise(&l->ops, &recovery, &l->ring, &l->scratch,
	                           &l->decision) == VS_ERR_IO)
		vs_say_line(l->system, "recovery's floor cannot be raised");
	say_decision(l);
}

/* In a variable that lasts until the next reset, for the system to read.  One
 * of that name from somebody else must go first.
 */
static vs_status hand_over(struct loader *l)
{
	static const uint16_t name[] = u"VoltsealDecision";
	const struct efi_runtime *runtime = l->system->runtime;
	size_t len = VS_DECISION_LEN(l->count);

	vs_decision_encode(&l->decision, l->components, l->count, l->record);
	(void)runtime->set_variable(name, &vs_vendor_id, 0, 0, NULL);
	if (runtime->set_variable(name, &vs_vendor_id,
	                          EFI_VAR_BOOT | EFI_VAR_RUNTIME, len,
	                          l->record) != EFI_SUCCESS)
		return VS_ERR_IO;
	return VS_OK;
}

static vs_status measure_header(const struct efi_system *system,
                                const struct vs_seal_header *header)
{
	uint8_t raw[VS_SEAL_HEADER_LEN];

	if (vs_seal_header_encode(header, raw, NULL) != VS_OK)
		return VS_ERR_INPUT;
	return vs_measure(system, VS_PCR_SEAL, header->component, raw,
	                  sizeof(raw));
}

static vs_status measure_all(const struct loader *l)
{
	bool recovers = l->decision.verdict == VS_VERDICT_RECOVER;
	int count = recovers ? 1 : l->count;
	vs_status status = VS_OK;

	for (int c = 0; c < count && status == VS_OK; c++)
		status = measure_header(l->system,
		                        recovers ? &l->recovery
		                                 : &l->decision.header[c]);
	if (status == VS_OK)
		status =
			vs_measure(l->system, VS_PCR_COMMAND, "command line",
		                   (const uint8_t *)l->command, l->command_len);
	if (status == VS_OK)
		status = vs_measure(l->system, VS_PCR_COMMAND, "decision",
		                    l->record, VS_DECISION_LEN(l->count));
	return status;
}

static vs_status build_command(struct loader *l, const struct vs_kernel *kernel)
{
	struct vs_command_root roots[VS_BOOT_COMPONENTS_MAX];
	const struct vs_boot_decision *d = &l->decision;
	int count = 0;

	if (d->verdict == VS_VERDICT_RECOVER)
		return vs_command_build(0, roots, 0, kernel, l->command,
		                        &l->command_len);
	for (int c = 0; c < l->count; c++) {
		if (l->components[c].hash_whole)
			continue;
		roots[count].partition = l->store.names[c][d->slot];
		roots[count].id = l->store.slots[c][d->slot].id;
		roots[count].header = &d->header[c];
		count++;
	}
	return vs_command_build((char)('a' + d->slot), roots, count, kernel,
	                        l->command, &l->command_len);
}

/* Takes apart what was verified. */
static vs_status take_apart(struct loader *l, int component, int slot,
                            const struct vs_seal_header *header,
                            struct vs_kernel *kernel)
{
	struct vs_why why = {VS_REASON_UNREADABLE, "is not in memory", 0};
	const uint8_t *image =
		vs_store_image(&l->store, component, slot, header->image_len);
	vs_status status = VS_ERR_IO;

	if (image)
		status = vs_kernel_decode(image, (size_t)header->image_len,
		                          kernel, &why);
	if (status != VS_OK) {
		say_why(l->system, "the kernel image", &why);
		return status;
	}
	status = build_command(l, kernel);
	if (status != VS_OK)
		vs_say_line(l->system, "the command line is too long");
	return status;
}

/* Whether what was decided stands when it is looked at in another way. */
static bool holds(const struct loader *l, int component, int slot)
{
	int held = 0;

	if (component == VS_BOOT_RECOVERY)
		return vs_store_holds(&l->store, component, slot, true);
	for (int c = 0; c < l->count; c++)
		if (vs_store_holds(&l->store, c, slot,
		                   l->settings.components[c].hash_whole))
			held++;
	return held > 0 && held == l->count;
}

/* Returns only if it cannot be started.  What is loaded is measured before it
 * runs, and only then: what does not load leaves no trace.
 */
static enum outcome start(struct loader *l, int component, int slot,
                          const struct vs_seal_header *header)
{
	struct vs_kernel kernel = {0};
	efi_handle image = NULL;
	efi_status status;

	if (take_apart(l, component, slot, header, &kernel) != VS_OK)
		return IMAGE_FAILED;
	status = vs_start_load(l->system, l->image, &kernel, &image);
	if (status != EFI_SUCCESS) {
		vs_say_status(l->system, "the kernel does not load", status);
		return IMAGE_FAILED;
	}
	if (!holds(l, component, slot)) {
		vs_say_line(l->system, "the decision does not hold");
		vs_start_unload(l->system, image);
		return MACHINE_FAILED;
	}
	if (hand_over(l) != VS_OK)
		vs_say_line(l->system, "the decision cannot be handed over");
	if (measure_all(l) != VS_OK) {
		vs_say_line(l->system, "the TPM does not answer");
		vs_start_unload(l->system, image);
		return MACHINE_FAILED;
	}
	if (l->settings.floors_in_tpm)
		vs_tpm_floors_lock(l->system);
	if (!holds(l, component, slot))
		return MACHINE_FAILED;
	status = vs_start_run(l->system, image, &kernel, l->command,
	                      l->command_len);
	vs_say_status(l->system, "the kernel came back", status);
	return IMAGE_FAILED;
}

/* Read twice, so that no one instruction that is skipped says yes. */
static bool is_verdict(const volatile uint32_t *verdict, uint32_t wanted)
{
	if (*verdict != wanted)
		return false;
	return *verdict == wanted;
}

/* Returns only if nothing was started: whether another slot may be. */
static bool start_verified(struct loader *l)
{
	const uint32_t *verdict = &l->decision.verdict;
	int slot = l->decision.slot;

	if (is_verdict(verdict, VS_VERDICT_BOOT)) {
		if (start(l, 0, slot, &l->decision.header[0]) != IMAGE_FAILED)
			return false;
		l->ops.came_back |= UINT32_C(1) << slot;
		return true;
	}
	if (is_verdict(verdict, VS_VERDICT_RECOVER))
		(void)start(l, VS_BOOT_RECOVERY, 0, &l->recovery);
	return false;
}

/* Slots that do not start are passed over, until the machine is reset. */
static void start_one(struct loader *l)
{
	l->cause = vs_store_cause(&l->store);
	for (int i = 0; i < STARTS_MAX; i++) {
		decide(l);
		if (!start_verified(l))
			return;
	}
}

efi_status efi_main(efi_handle image, struct efi_system *system)
{
	struct loader *l = &loader;

	l->system = system;
	l->image = image;
	l->decision.verdict = VS_VERDICT_DENY;
	vs_say_line(system, "loader");
	say_secure_boot(system);
	if (open_all(l) == VS_OK)
		start_one(l);
	vs_say_line(system, "resets");
	(void)system->boot->stall(RESET_AFTER_US);
	system->runtime->reset_system(EFI_RESET_COLD, EFI_LOAD_ERROR, 0, NULL);
	return EFI_LOAD_ERROR;
}
