/* kvmerrata explain: one erratum, and the scenario that tells it; a probe. */
#include <argp.h>
#include <inttypes.h>
#include <string.h>

#include "cli/fingerprint.h"

static error_t parse(int key, char *value, struct argp_state *state)
{
	const char **name = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (*name)
			argp_error(state, "one NAME at a time");
		*name = value;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Where the two expectations promise different things. */
static void print_differences(const struct scenario *s, uint32_t row)
{
	static struct expectation with, without;
	struct model_setup setup = { .errata = errata_with(row) };
	struct verdict verdict;

	model_run(&with, s, &setup);
	setup.errata = errata_without(row);
	model_run(&without, s, &setup);
	oracle_judge(&verdict, &without, &with.want);
	for (uint32_t i = 0; i < verdict.nr_differences && i < DIFFERENCES_MAX;
	     i++) {
		const struct difference *d = &verdict.differences[i];

		printf("  %s", verdict.step < s->nr_ops ? "op " : "at the end");
		if (verdict.step < s->nr_ops)
			printf("%" PRIu32, verdict.step + 1);
		if (d->vcpu >= 0)
			printf(", vcpu %d", d->vcpu);
		printf(", %s: 0x%" PRIx64 " without this row, 0x%" PRIx64
		       " with it\n",
		       d->name, d->want, d->got);
	}
}

static int explain(uint32_t row)
{
	const struct erratum_info *info = &erratum_infos[row];
	static struct scenario witness;

	printf("%s (%s)\n\n%s\n\nsource:   %s\nversions: %s\n", info->name,
	       erratum_kind_name(info->kind), info->text, info->source,
	       info->versions);
	if (info->kind == ERRATUM_KIND_CANARY)
		return EXIT_AGREE;
	if (!witness_read(&witness, row))
		return EXIT_HARNESS;
	printf("witness:  corpora/witness/%s.scn\n\n", info->name);
	scenario_print(stdout, &witness);
	printf("\nwhat is expected differs:\n");
	print_differences(&witness, row);
	return EXIT_AGREE;
}

static int explain_probe(enum probe probe)
{
	const struct probe_info *info = &probe_infos[probe];

	printf("%s (probe)\n\n%s\n\nsource:   %s\npresent:  where the probe "
	       "finds it %s\n",
	       info->name, info->text, probe_sections[info->section],
	       info->present == PROBE_HONOURED ? "honoured" : "ignored");
	return EXIT_AGREE;
}

static void list_names(void)
{
	for (uint32_t row = 0; row < ERRATA; row++)
		printf("%-30s %s\n", erratum_infos[row].name,
		       erratum_kind_name(erratum_infos[row].kind));
	for (enum probe probe = 0; probe < PROBES; probe++)
		printf("%-30s probe\n", probe_infos[probe].name);
}

int verb_explain(int argc, char **argv)
{
	static const struct argp argp = {
		NULL,
		parse,
		"[NAME]",
		"What KVM does, where that is written, and the shortest "
		"scenario that tells whether a host does it; of a probe, "
		"what is looked for. Without NAME: all names.",
		NULL,
		NULL,
		NULL,
	};
	const char *name = NULL;

	argp_parse(&argp, argc, argv, 0, NULL, &name);
	if (!name) {
		list_names();
		return EXIT_AGREE;
	}
	for (uint32_t row = 0; row < ERRATA; row++)
		if (!strcmp(name, erratum_infos[row].name))
			return explain(row);
	for (enum probe probe = 0; probe < PROBES; probe++)
		if (!strcmp(name, probe_infos[probe].name))
			return explain_probe(probe);
	fprintf(stderr, "no erratum '%s'; `kvmerrata explain` lists them\n",
		name);
	return EXIT_USAGE;
}
