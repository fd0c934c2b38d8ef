/*
 * What probes make of what they saw: every branch of every decision, on made-up
 * hosts; no KVM is needed. A row says which answer is wanted and what its reason
 * has to mention.
 */
#include "tests/test.h"

#include "kvmdrv/probe_nested.h"
#include "kvmdrv/probe_x87.h"

enum { BOTH = X87_BITS, FDP = X87_FDP_EXCPTN_ONLY, FCS_FDS = X87_ZERO_FCS_FDS };

static const struct x87_does keeps_all = { true, true, true };
static const struct x87_does keeps_none = { false, false, false };
static const struct x87_does keeps_fdp = { true, false, false };
static const struct x87_does keeps_half = { false, true, false };
static const struct x87_does keeps_fds = { false, false, true };

static void expect(const char *name, const struct probe_found *got,
		   enum probe_answer want, const char *mentions)
{
	if (got->answer != want || !strstr(got->why, mentions))
		fail_msg("%s: want answer %d because of '%s', got %d: %s", name,
			 want, mentions, got->answer, got->why);
}

static void the_table_is_whole(void **state)
{
	(void)state;
	for (enum probe probe = 0; probe < PROBES; probe++) {
		const struct probe_info *info = &probe_infos[probe];

		assert_true(info->present == PROBE_HONOURED ||
			    info->present == PROBE_IGNORED);
		assert_true(info->section < PROBE_SECTIONS);
	}
}

/* Each bit is set exactly where its feature is not there: all cases. */
static void bits_are_inverted(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 4 * 8; i++) {
		const uint32_t host = (i & 1 ? FDP : 0) | (i & 2 ? FCS_FDS : 0);
		const struct x87_does does = { i & 4, i & 8, i & 16 };
		enum probe_answer want = PROBE_HONOURED;
		struct probe_found got;

		if (does.fdp_updated == !!(host & FDP) ||
		    does.fcs_kept == !!(host & FCS_FDS))
			want = PROBE_IGNORED;
		if (does.fcs_kept != does.fds_kept)
			want = PROBE_UNDETERMINED;
		x87_decide_inverted(&got, host, &does);
		expect("inverted", &got, want, "the host's CPUID has");
	}
}

static void bits_are_reported(void **state)
{
	static const struct {
		const char *name;
		uint32_t host, supported;
		enum probe_answer want;
		const char *mentions;
	} rows[] = {
		{ "nothing to report", 0, 0, PROBE_UNDETERMINED,
		  "neither bit set, so there is none to report" },
		{ "more than there is", 0, FDP, PROBE_UNDETERMINED,
		  "KVM reports FDP_EXCPTN_ONLY set" },
		{ "all", BOTH, BOTH, PROBE_HONOURED, "KVM reports both bits" },
		{ "the one", FDP, FDP, PROBE_HONOURED, "KVM reports FDP" },
		{ "none", BOTH, 0, PROBE_IGNORED, "KVM reports neither" },
		{ "one of two", BOTH, FCS_FDS, PROBE_IGNORED,
		  "KVM reports ZERO_FCS_FDS set" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct probe_found got;

		x87_decide_reported(&got, rows[i].host, rows[i].supported);
		expect(rows[i].name, &got, rows[i].want, rows[i].mentions);
	}
}

/* A guest that was given @wanted, shows @shown and does @does. */
static struct x87_guest guest(uint32_t wanted, uint32_t shown,
			      const struct x87_does *does)
{
	return (struct x87_guest){
		.wanted = wanted, .ring0 = shown, .ring3 = shown, .does = *does
	};
}

static struct x87_guest refused(uint32_t wanted)
{
	return (struct x87_guest){ .wanted = wanted, .error = 22 };
}

static struct x87_guest ended(void)
{
	return (struct x87_guest){ .ended.why = "no ring 3 here" };
}

static void clearing_has_no_effect(void **state)
{
	const struct {
		const char *name;
		struct x87_guest clear, set;
		enum probe_answer want;
		const char *mentions;
	} rows[] = {
		{ "the same", guest(0, 0, &keeps_all),
		  guest(BOTH, BOTH, &keeps_all), PROBE_IGNORED,
		  "with the bits clear as with them set" },
		{ "FDP differs", guest(0, 0, &keeps_fdp),
		  guest(BOTH, BOTH, &keeps_none), PROBE_HONOURED,
		  "with both set FDP is not updated" },
		{ "FCS and FDS differ", guest(0, 0, &keeps_all),
		  guest(BOTH, BOTH, &keeps_fdp), PROBE_HONOURED,
		  "with both set FDP is updated without an exception, FCS and "
		  "FDS are zero" },
		{ "FCS alone differs", guest(0, 0, &keeps_half),
		  guest(BOTH, BOTH, &keeps_none), PROBE_HONOURED,
		  "FCS is kept, FDS is zero" },
		{ "CPUID is the host's", guest(0, FDP, &keeps_all),
		  guest(BOTH, FDP, &keeps_all), PROBE_UNDETERMINED,
		  "whatever KVM_SET_CPUID2 was given" },
		{ "FDS alone differs", guest(0, 0, &keeps_fds),
		  guest(BOTH, BOTH, &keeps_none), PROBE_HONOURED,
		  "FCS is zero, FDS is kept" },
		{ "CPUID is the host's in ring 0",
		  guest(0, 0, &keeps_all),
		  { .wanted = BOTH, .ring3 = BOTH, .does = keeps_all },
		  PROBE_IGNORED,
		  "with the bits clear as with them set" },
		{ "CPUID is the host's in ring 3",
		  guest(0, 0, &keeps_all),
		  { .wanted = BOTH, .ring0 = BOTH, .does = keeps_all },
		  PROBE_IGNORED,
		  "with the bits clear as with them set" },
		{ "clearing is refused", refused(0),
		  guest(BOTH, BOTH, &keeps_all), PROBE_UNDETERMINED,
		  "with neither bit set is refused (errno 22)" },
		{ "setting is refused", guest(0, 0, &keeps_all), refused(BOTH),
		  PROBE_UNDETERMINED, "with both bits set is refused" },
		{ "no guest", ended(), ended(), PROBE_UNDETERMINED,
		  "no ring 3 here" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct probe_found got;

		x87_decide_no_effect(&got, &rows[i].clear, &rows[i].set);
		expect(rows[i].name, &got, rows[i].want, rows[i].mentions);
	}
}

static void hardware_decides(void **state)
{
	const struct {
		const char *name;
		uint32_t bit, host;
		struct x87_guest clear;
		enum probe_answer want;
		const char *mentions;
	} rows[] = {
		{ "the CPU has the feature", FDP, FCS_FDS,
		  guest(0, 0, &keeps_fdp), PROBE_UNDETERMINED,
		  "FDP_EXCPTN_ONLY clear: a host is wanted" },
		{ "nor has the guest FDP", FDP, FDP, guest(0, 0, &keeps_none),
		  PROBE_IGNORED, "FDP is not updated" },
		{ "the guest has FDP", FDP, BOTH, guest(0, 0, &keeps_fdp),
		  PROBE_HONOURED, "FDP is updated" },
		{ "nor has the guest FCS", FCS_FDS, BOTH,
		  guest(0, 0, &keeps_fdp), PROBE_IGNORED,
		  "FCS and FDS are zero" },
		{ "the guest has FCS", FCS_FDS, FCS_FDS,
		  guest(0, 0, &keeps_all), PROBE_HONOURED,
		  "FCS and FDS are kept" },
		{ "the guest has a half", FCS_FDS, FCS_FDS,
		  guest(0, 0, &keeps_half), PROBE_UNDETERMINED,
		  "FCS is kept, FDS is zero" },
		{ "a half does not matter to FDP", FDP, FDP,
		  guest(0, 0, &keeps_half), PROBE_IGNORED,
		  "FDP is not updated" },
		{ "no guest", FDP, FDP, ended(), PROBE_UNDETERMINED,
		  "no ring 3 here" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct probe_found got;

		x87_decide_of_hardware(&got, rows[i].bit, rows[i].host,
				       &rows[i].clear);
		expect(rows[i].name, &got, rows[i].want, rows[i].mentions);
	}
}

static void the_workaround(void **state)
{
	const struct {
		const char *name;
		struct x87_guest set;
		enum probe_answer want;
		const char *mentions;
	} rows[] = {
		{ "works", guest(BOTH, BOTH, &keeps_all), PROBE_HONOURED,
		  "both bits set in ring 0, both bits in ring 3" },
		{ "is refused", refused(BOTH), PROBE_IGNORED, "is refused" },
		{ "is not seen", guest(BOTH, FDP, &keeps_all), PROBE_IGNORED,
		  "FDP_EXCPTN_ONLY set in ring 0, FDP_EXCPTN_ONLY in ring 3" },
		{ "is seen in ring 0 only",
		  { .wanted = BOTH, .ring0 = BOTH },
		  PROBE_IGNORED,
		  "both bits set in ring 0, neither bit in ring 3" },
		{ "is seen in ring 3 only",
		  { .wanted = BOTH, .ring3 = BOTH },
		  PROBE_IGNORED,
		  "neither bit set in ring 0, both bits in ring 3" },
		{ "no guest", ended(), PROBE_UNDETERMINED, "no ring 3 here" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct probe_found got;

		x87_decide_workaround(&got, &rows[i].set);
		expect(rows[i].name, &got, rows[i].want, rows[i].mentions);
	}
}

static void nested_capability_and_cpuid(void **state)
{
	struct probe_found got;

	(void)state;
	nested_decide_state(&got, 4224);
	expect("a state", &got, PROBE_HONOURED, "is 4224 bytes");
	nested_decide_state(&got, 0);
	expect("no state", &got, PROBE_IGNORED, "KVM_CAP_NESTED_STATE is 0");
	nested_decide_state(&got, -1);
	expect("an error", &got, PROBE_IGNORED, "KVM_CAP_NESTED_STATE is -1");
	nested_decide_cpuid(&got, NESTED_VMX, true);
	expect("VMX", &got, PROBE_HONOURED, "has VMX set");
	nested_decide_cpuid(&got, NESTED_SVM, false);
	expect("no SVM", &got, PROBE_IGNORED, "has SVM clear");
}

static void nested_msrs(void **state)
{
	const struct {
		const char *name;
		struct nested nested;
		enum probe_answer want;
		const char *mentions;
	} rows[] = {
		{ "none",
		  { .supported = true },
		  PROBE_IGNORED,
		  "LIST has none; RDMSR of a guest whose CPUID is given VMX: "
		  "none; is not given it: none" },
		{ "as the list has them",
		  { .features = 6,
		    .feature_values = { 0, 0x11, 0x22 },
		    .with = { .readable = 7, .values = { 5, 0x11, 0x22 } } },
		  PROBE_HONOURED,
		  "LIST has 0x480=0x11 0x481=0x22; RDMSR of a guest whose "
		  "CPUID "
		  "is given VMX: 2 of those, and 0x3a=0x5; is not given it: "
		  "none" },
		{ "the first alone",
		  { .with = { .readable = 1 },
		    .without = { .readable = 1, .values = { 5 } } },
		  PROBE_IGNORED,
		  "is not given it: 0x3a=0x5" },
		{ "all but the first",
		  { .with = { .readable = 6 } },
		  PROBE_IGNORED,
		  "VMX: 0x480=0x0 0x481=0x0" },
		{ "CPUID is refused",
		  { .with = { .error = 22 } },
		  PROBE_UNDETERMINED,
		  "KVM_SET_CPUID2 is refused (errno 22)" },
		{ "no guest",
		  { .without = { .ended.why = "it hangs" } },
		  PROBE_UNDETERMINED,
		  "it hangs" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct probe_found got;

		nested_decide_msrs(&got, NESTED_VMX, &rows[i].nested);
		expect(rows[i].name, &got, rows[i].want, rows[i].mentions);
	}
}

static void nested_controls(void **state)
{
	const struct {
		const char *name;
		struct nested nested;
		enum probe_answer want;
		const char *mentions;
	} rows[] = {
		{ "follows CPUID",
		  { .with = { .shows_bit = true,
			      .by_guest = true,
			      .by_host = true } },
		  PROBE_HONOURED,
		  "where guest CPUID is given SVM the guest sets it, "
		  "KVM_SET_SREGS sets it; where it is not the guest cannot set "
		  "it, KVM_SET_SREGS cannot set it" },
		{ "by the host alone",
		  { .with = { .by_host = true },
		    .without = { .by_host = true } },
		  PROBE_IGNORED,
		  "given SVM (but does not show it) the guest cannot set it, "
		  "KVM_SET_SREGS sets it; where it is not the guest cannot set "
		  "it, KVM_SET_SREGS sets it" },
		{ "by the guest without it",
		  { .without = { .by_guest = true } },
		  PROBE_IGNORED,
		  "where it is not the guest sets it" },
		{ "CPUID is refused",
		  { .without = { .error = 22 } },
		  PROBE_UNDETERMINED,
		  "KVM_SET_CPUID2 is refused (errno 22)" },
		{ "no guest",
		  { .with = { .ended.why = "it hangs" } },
		  PROBE_UNDETERMINED,
		  "it hangs" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct probe_found got;

		nested_decide_control(&got, NESTED_SVM, &rows[i].nested);
		expect(rows[i].name, &got, rows[i].want, rows[i].mentions);
	}
}

/* Whether everything agrees, of hosts that differ from a good one by one fact. */
static const struct nested offered = {
	.supported = true,
	.with = { .shows_bit = true, .by_guest = true, .readable = 3 },
};

static void nested_facts_agree(void **state)
{
	struct nested none = { 0 }, odd[NESTED_KINDS];
	const struct {
		const char *name;
		int state_size;
		struct nested vmx, svm;
		enum probe_answer want;
		const char *mentions;
	} rows[] = {
		{ "nothing", 0, none, none, PROBE_HONOURED, "not offered: " },
		{ "SVM", 64, none, offered, PROBE_HONOURED, "offered: " },
		{ "VMX", 64, offered, none, PROBE_HONOURED, "offered: " },
		{ "no state", 0, offered, none, PROBE_IGNORED,
		  "there is no KVM_CAP_NESTED_STATE" },
		{ "a state of nothing", 64, none, none, PROBE_IGNORED,
		  "neither VMX nor SVM is supported" },
		{ "no guest",
		  0,
		  none,
		  { .with = { .ended.why = "it hangs" } },
		  PROBE_UNDETERMINED,
		  "it hangs" },
		{ "CPUID is refused",
		  0,
		  none,
		  { .without = { .error = 7 } },
		  PROBE_UNDETERMINED,
		  "errno 7" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct probe_found got;

		odd[NESTED_VMX] = rows[i].vmx;
		odd[NESTED_SVM] = rows[i].svm;
		nested_decide_consistent(&got, rows[i].state_size, odd);
		expect(rows[i].name, &got, rows[i].want, rows[i].mentions);
	}
}

static void nested_contradictions(void **state)
{
	struct nested all[NESTED_KINDS] = { { 0 }, offered };
	struct nested *svm = &all[NESTED_SVM];
	struct probe_found got;

	(void)state;
	svm->with.by_guest = false;
	svm->with.readable = 1;
	nested_decide_consistent(&got, 64, all);
	expect("useless", &got, PROBE_IGNORED,
	       "SVM is supported, but a guest that has it cannot enable it; "
	       "SVM is supported, but its MSRs are not there");
	*svm = offered;
	svm->without = svm->with;
	nested_decide_consistent(&got, 64, all);
	expect("without CPUID", &got, PROBE_IGNORED,
	       "a guest without SVM can enable it; a guest without SVM can "
	       "read "
	       "MSRs of it: 0xc0010114 0xc0010117");
	svm->supported = false;
	svm->without = (struct nested_guest){ 0 };
	nested_decide_consistent(&got, 0, all);
	expect("unsupported", &got, PROBE_IGNORED,
	       "SVM is not supported, but a guest can enable it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_whole),
		cmocka_unit_test(bits_are_inverted),
		cmocka_unit_test(bits_are_reported),
		cmocka_unit_test(clearing_has_no_effect),
		cmocka_unit_test(hardware_decides),
		cmocka_unit_test(the_workaround),
		cmocka_unit_test(nested_capability_and_cpuid),
		cmocka_unit_test(nested_msrs),
		cmocka_unit_test(nested_controls),
		cmocka_unit_test(nested_facts_agree),
		cmocka_unit_test(nested_contradictions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
