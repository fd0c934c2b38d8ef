/* kvmerrata fingerprint: the errata of this host. */
#include "cli/fingerprint.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sides.h"
#include "oracle/explain.h"
#include "scenario/check.h"

const char *presence_name(enum presence presence)
{
	static const char *const names[] = {
		[PRESENCE_UNDETERMINED] = "undetermined",
		[PRESENCE_ABSENT] = "absent",
		[PRESENCE_PRESENT] = "present",
	};

	return names[presence];
}

const char *erratum_kind_name(enum erratum_kind kind)
{
	static const char *const names[] = {
		[ERRATUM_KIND_DOCUMENTED] = "documented",
		[ERRATUM_KIND_HISTORICAL] = "historical",
		[ERRATUM_KIND_UNDOCUMENTED] = "undocumented",
		[ERRATUM_KIND_BACKEND] = "backend",
		[ERRATUM_KIND_CANARY] = "canary",
	};

	return names[kind];
}

bool witness_read(struct scenario *out, uint32_t row)
{
	const char *root = getenv("KVMERRATA_ROOT");
	char dir[PATH_MAX], name[64], path[PATH_MAX];
	bool is_text;

	snprintf(name, sizeof(name), "%s.scn", erratum_infos[row].name);
	return path_join(dir, root ? root : ".", "corpora/witness") &&
	       path_join(path, dir, name) &&
	       input_read(out, path, INPUT_GUESS, &is_text);
}

/* On which side is the host, where the two expectations differ? */
static enum presence side(const struct telling *telling, char why[WHY_MAX])
{
	if (telling->differ && telling->like_first == telling->differ)
		return PRESENCE_PRESENT;
	if (telling->differ && telling->like_second == telling->differ)
		return PRESENCE_ABSENT;
	snprintf(why, WHY_MAX,
		 "the host does neither what is expected with it nor without "
		 "(%u of %u bits)",
		 telling->like_first, telling->differ);
	return PRESENCE_UNDETERMINED;
}

static void take_row(struct fingerprint *out, struct kvmdrv *drv,
		     const struct scenario *witness, uint32_t row)
{
	static struct expectation with, without;
	static struct observation got;
	struct model_setup setup = { .errata = errata_with(row) };
	struct kvmdrv_reason reason;
	struct danger_host host;
	struct telling telling;

	danger_host_here(&host, drv);
	if (danger_check(&reason, &host, witness) != DANGER_NONE) {
		snprintf(out->why[row], WHY_MAX, "its witness does not run: %s",
			 reason.text);
		return;
	}

	model_run(&with, witness, &setup);
	setup.errata = errata_without(row);
	model_run(&without, witness, &setup);
	kvmdrv_run(drv, &got, witness, SCHEDULE_FAST);
	oracle_tell(&telling, &with, &without, &got);
	out->rows[row] = side(&telling, out->why[row]);
}

/* What mends a row that the host has not is not there either. */
static void leave_out_needless(struct fingerprint *out)
{
	static const struct {
		enum erratum row, other;
	} needs[] = {
#define NEEDS(name, other) { ERRATUM_##name, ERRATUM_##other },
#include "ref/errata.def"
	};

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (out->rows[needs[i].other] == PRESENCE_ABSENT)
			out->rows[needs[i].row] = PRESENCE_ABSENT;
}

bool fingerprint_take(struct fingerprint *out, struct kvmdrv *drv)
{
	static struct scenario witness;

	memset(out, 0, sizeof(*out));
	host_describe(&out->host);
	for (uint32_t row = 0; row < ERRATA; row++) {
		if (erratum_infos[row].kind == ERRATUM_KIND_CANARY) {
			out->rows[row] = PRESENCE_ABSENT;
			continue;
		}
		if (!witness_read(&witness, row))
			return false;
		take_row(out, drv, &witness, row);
	}
	leave_out_needless(out);
	return true;
}

enum presence probe_presence(enum probe probe, enum probe_answer answer)
{
	if (answer == PROBE_UNDETERMINED)
		return PRESENCE_UNDETERMINED;
	return answer == probe_infos[probe].present ? PRESENCE_PRESENT :
						      PRESENCE_ABSENT;
}

void fingerprint_probe(struct fingerprint *out, struct kvmdrv *drv)
{
	struct probe_found found;

	for (enum probe probe = 0; probe < PROBES; probe++) {
		probe_run(&found, drv, probe);
		out->probes[probe] = probe_presence(probe, found.answer);
		snprintf(out->because[probe], WHY_MAX, "%s", found.why);
	}
}

struct errata fingerprint_errata(const struct fingerprint *fingerprint)
{
	struct errata set = { 0 };

	for (uint32_t row = 0; row < ERRATA; row++)
		if (fingerprint->rows[row] == PRESENCE_PRESENT)
			set.set |= ROW(row);
	return set;
}

struct arguments {
	const char *device;
	const char *output;
	enum { FORMAT_TABLE, FORMAT_JSON, FORMAT_MD } format;
	/* Of other hosts; none: this one. */
	size_t nr_files;
	const char *files[HOSTS_MAX];
};

static const struct argp_option options[] = {
	{ "format", 'f', "FORMAT", 0, "table (default), json or md", 0 },
	{ "output", 'o', "FILE", 0,
	  "also write the host's set to FILE, as JSON that --against takes",
	  0 },
	OPTION_KVM,
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'f':
		if (!strcmp(value, "json"))
			arguments->format = FORMAT_JSON;
		else if (!strcmp(value, "md"))
			arguments->format = FORMAT_MD;
		else if (strcmp(value, "table") != 0)
			argp_error(state, "--format is table, json or md");
		break;
	case 'o':
		arguments->output = value;
		break;
	case 'k':
		arguments->device = value;
		break;
	case ARGP_KEY_ARG:
		if (arguments->nr_files == HOSTS_MAX)
			argp_error(state, "at most %d files", HOSTS_MAX);
		arguments->files[arguments->nr_files++] = value;
		break;
	case ARGP_KEY_END:
		if (arguments->nr_files && arguments->output)
			argp_error(state, "--output is for this host, not for "
					  "files");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static enum exit_status save(const struct fingerprint *f, const char *path)
{
	struct output out;

	if (!path)
		return EXIT_AGREE;
	if (!output_open(&out, path))
		return EXIT_HARNESS;
	fingerprint_write(out.file, f);
	return output_commit(&out) ? EXIT_AGREE : EXIT_HARNESS;
}

/* The fingerprint of this host, into @out. */
static enum exit_status take_here(struct fingerprint *out,
				  const struct arguments *arguments)
{
	static struct sides sides;
	bool taken;

	if (sides_open(&sides, arguments->device) != EXIT_AGREE)
		return EXIT_SKIP;
	taken = fingerprint_take(out, sides.drv);
	if (taken)
		fingerprint_probe(out, sides.drv);
	kvmdrv_close(sides.drv);
	return taken ? save(out, arguments->output) : EXIT_HARNESS;
}

static void print(const struct arguments *arguments,
		  const struct fingerprint *list, size_t nr)
{
	if (arguments->format == FORMAT_MD)
		fingerprint_print_md(list, nr);
	else if (arguments->format == FORMAT_TABLE)
		fingerprint_print_table(list, nr);
	else if (arguments->nr_files)
		fingerprint_write_all(stdout, list, nr);
	else
		fingerprint_write(stdout, list);
}

int verb_fingerprint(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"[FILE.json...]",
		"Runs the witness of every erratum on this host and says "
		"whether the host has it; then, section by section, what the "
		"documents say that no scenario can show. With files that "
		"--output wrote, on "
		"any hosts: prints those side by side.",
		NULL,
		NULL,
		NULL,
	};
	static struct fingerprint list[HOSTS_MAX];
	struct arguments arguments = { .device = KVMDRV_DEVICE };
	enum exit_status status = EXIT_AGREE;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	for (size_t i = 0; i < arguments.nr_files; i++)
		if (!fingerprint_read(&list[i], arguments.files[i]))
			return EXIT_USAGE;
	if (!arguments.nr_files)
		status = take_here(&list[0], &arguments);
	if (status == EXIT_AGREE)
		print(&arguments, list,
		      arguments.nr_files ? arguments.nr_files : 1);
	return status;
}
