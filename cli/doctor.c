/* kvmerrata doctor: what this host offers and lacks. Nothing is guessed. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "kvmdrv/danger.h"
#include "kvmdrv/guard.h"
#include "kvmdrv/host.h"
#include "kvmdrv/probe.h"
#include "scenario/check.h"

static const struct argp_option options[] = {
	OPTION_KVM,
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	const char **device = state->input;

	switch (key) {
	case 'k':
		*device = value;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "no arguments are wanted");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void print(const char *name, const char *value)
{
	printf("%-24s %s\n", name, value);
}

static void print_capabilities(struct kvmdrv *drv)
{
	struct kvmdrv_capability caps[KVMDRV_CAPABILITIES];
	char value[32];

	kvmdrv_capabilities(drv, caps);
	for (size_t i = 0; i < KVMDRV_CAPABILITIES; i++) {
		snprintf(value, sizeof(value), "0x%x", caps[i].value);
		print(caps[i].name, value);
	}
}

/* The first folder of PATH that has it. */
static void print_tool(const char *tool, const char *wanted_for)
{
	const char *path = getenv("PATH");
	char at[4096];

	while (path && *path) {
		int len = (int)strcspn(path, ":");

		snprintf(at, sizeof(at), "%.*s/%s", len, path, tool);
		if (access(at, X_OK) == 0) {
			print(tool, at);
			return;
		}
		path += len + (path[len] == ':');
	}
	snprintf(at, sizeof(at), "missing; wanted for %s", wanted_for);
	print(tool, at);
}

/* What there is to fear: for this host, and from it. */
static void print_dangers(struct kvmdrv *drv)
{
	FILE *panic = fopen("/proc/sys/kernel/panic_on_warn", "r");
	struct danger_host host;
	const char *known;

	danger_host_here(&host, drv);
	known = danger_known(&host);
	print("dangers", known ? known : "none known of this kernel");
	if (panic && fgetc(panic) == '1')
		print("", "kernel.panic_on_warn is set: a kernel warning, "
			  "which fuzzing may find, stops this host");
	if (panic)
		fclose(panic);
}

/* What errata.rst advises, and what holds here. */
static void print_advice(struct kvmdrv *drv)
{
	static const char *const works[] = {
		[PROBE_UNDETERMINED] = "whether that works here is not known",
		[PROBE_IGNORED] = "that does not work here",
		[PROBE_HONOURED] = "that works here",
	};
	struct probe_found found;

	probe_run(&found, drv, PROBE_x87_workaround);
	print("advice of errata.rst",
	      "always set CPUID[EAX=7,ECX=0]:EBX[6] and EBX[13] in guest "
	      "CPUID");
	printf("%-24s %s: %s\n", "", works[found.answer], found.why);
}

static void print_guard(void)
{
	const struct guard_input none = { NULL, false };
	char kept[PATH_MAX];
	struct guard guard;

	if (guard_open(&guard, &none, kept) != 0)
		return;
	print("kernel log", guard.kernel_log >= 0 ?
				    "watched" :
				    "not readable: a kernel warning would go "
				    "unseen (needs CAP_SYSLOG); taint is "
				    "watched");
	guard_close(&guard);
}

int verb_doctor(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		NULL,
		"Tells what this host offers and lacks. Exit status 4 where "
		"KVM cannot be used.",
		NULL,
		NULL,
		NULL,
	};
	const char *device = KVMDRV_DEVICE;
	struct kvmdrv_reason reason;
	struct kvmdrv *drv;
	struct host host;
	int error;

	argp_parse(&argp, argc, argv, 0, NULL, &device);
	host_describe(&host);
	print("kernel", host.kernel);
	print("vendor module", host.module);
	print("CPU", host.cpu);
	error = kvmdrv_open(&drv, &reason, device);
	print(device, error ? reason.text : "usable");
	if (!error) {
		print_capabilities(drv);
		print_dangers(drv);
		print_advice(drv);
		kvmdrv_close(drv);
	}
	print_guard();
	print_tool("bazel", "building");
	print_tool("clang", "building and libFuzzer");
	print_tool("gcc", "building with --config=gcc");
	print_tool("afl-fuzz", "fuzz --engine=afl");
	return error ? EXIT_SKIP : EXIT_AGREE;
}
