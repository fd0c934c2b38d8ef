/* The two sides of a comparison, as the verbs need them. */
#include "cli/sides.h"

#include <stdlib.h>
#include <string.h>

#include "cli/comparison.h"
#include "cli/fingerprint.h"

static const struct argp_option options[] = {
	OPTION_AGAINST, OPTION_HOST, OPTION_DANGEROUS, OPTION_KVM, { 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct sides_options *o = state->input;

	switch (key) {
	case 'a':
		o->against = value;
		break;
	case 'H':
		o->host = value;
		break;
	case 'D':
		o->dangerous = true;
		break;
	case 'k':
		o->device = value;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp sides_argp = { .options = options, .parser = parse };

static void observe(void *context, struct observation *out,
		    const struct scenario *s, enum schedule schedule)
{
	static struct expectation model;
	const struct sides *sides = context;
	const struct model_setup setup = { .errata = sides->host_errata,
					   .schedule = schedule };

	if (!sides->host_is_model) {
		kvmdrv_run(sides->drv, out, s, schedule);
		return;
	}
	model_run(&model, s, &setup);
	observation_copy(out, &model.want);
}

bool sides_try_open(struct sides *sides, const char *device)
{
	if (sides->host_is_model)
		return true;
	if (kvmdrv_open(&sides->drv, &sides->reason, device) != 0)
		return false;
	danger_host_here(&sides->limits, sides->drv);
	host_describe(&sides->host);
	return true;
}

enum exit_status sides_open(struct sides *sides, const char *device)
{
	if (sides_try_open(sides, device))
		return EXIT_AGREE;
	fprintf(stderr, "SKIP: %s\n", sides->reason.text);
	return EXIT_SKIP;
}

void sides_close(struct sides *sides)
{
	if (sides->drv)
		kvmdrv_close(sides->drv);
	sides->drv = NULL;
}

enum danger sides_refuse(struct kvmdrv_reason *out, const struct sides *sides,
			 const struct scenario *s, bool dangerous)
{
	enum danger danger = DANGER_NONE;

	if (sides->drv)
		danger = danger_check(out, &sides->limits, s);
	return danger == DANGER_KERNEL && dangerous ? DANGER_NONE : danger;
}

bool sides_skip(const struct sides *sides, const struct sides_options *o,
		const char *path, const struct scenario *s)
{
	struct kvmdrv_reason reason;
	enum danger danger = sides_refuse(&reason, sides, s, o->dangerous);

	if (danger != DANGER_NONE)
		fprintf(stderr, "SKIP: %s: %s%s\n", path, reason.text,
			danger == DANGER_KERNEL ? "; --dangerous runs it" : "");
	return danger != DANGER_NONE;
}

void sides_print_set(char *out, size_t cap, const struct errata *errata)
{
	size_t len = (size_t)snprintf(out, cap, "arch");

	for (uint32_t row = 0; row < ERRATA && len < cap; row++)
		if (errata_has(errata, row))
			len += (size_t)snprintf(out + len, cap - len, ",+%s",
						erratum_infos[row].name);
}

static enum exit_status against_host(struct sides *out, const char *device)
{
	static struct fingerprint fingerprint;
	enum exit_status status = sides_open(out, device);
	bool taken;

	if (status != EXIT_AGREE)
		return status;
	taken = fingerprint_take(&fingerprint, out->drv);
	sides_close(out);
	out->oracle.errata = fingerprint_errata(&fingerprint);
	return taken ? EXIT_AGREE : EXIT_HARNESS;
}

/* What `record` wrote begins with that. */
static bool is_recording(const char *path)
{
	static const char magic[] = "kvmerrata-record ";
	char start[sizeof(magic)] = "";
	FILE *in = fopen(path, "r");
	bool good;

	if (!in)
		return false;
	good = fread(start, 1, sizeof(magic) - 1, in) == sizeof(magic) - 1 &&
	       !strcmp(start, magic);
	fclose(in);
	return good;
}

static enum exit_status against_recording(struct sides *out, const char *path)
{
	static struct compared recorded;

	if (!compared_read(&recorded, path))
		return EXIT_USAGE;
	snprintf(out->host.line, sizeof(out->host.line), "%.440s",
		 recorded.label);
	out->oracle.errata = recorded.errata;
	free(recorded.text);
	return EXIT_AGREE;
}

static enum exit_status against_file(struct sides *out, const char *path)
{
	static struct fingerprint fingerprint;

	if (is_recording(path))
		return against_recording(out, path);
	if (!fingerprint_read(&fingerprint, path))
		return EXIT_USAGE;
	out->host = fingerprint.host;
	out->oracle.errata = fingerprint_errata(&fingerprint);
	return EXIT_AGREE;
}

/* No set has a name like that. */
static bool is_file(const char *against)
{
	return strpbrk(against, "/.");
}

bool sides_is_fingerprint(const char *set)
{
	return is_file(set) && !is_recording(set);
}

enum exit_status sides_against(struct sides *out, const char *against,
			       const char *device)
{
	const char *unknown;

	memset(out, 0, sizeof(*out));
	out->oracle.expect = model_run;
	out->oracle.observe = observe;
	out->oracle.context = out;
	out->oracle.switchable = errata_switchable();
	out->oracle.usual = errata_observed();
	out->oracle.row_name = erratum_name;
	if (!strcmp(against, "host"))
		return against_host(out, device);
	if (is_file(against))
		return against_file(out, against);
	if (errata_parse(&out->oracle.errata, &unknown, against))
		return EXIT_AGREE;
	fprintf(stderr,
		"unknown set or row '%s'; a set is `arch`, "
		"`documented` or `observed`, then +ROW or -ROW after commas; "
		"or `host`, or a FILE of `fingerprint` or `record`\n",
		unknown);
	return EXIT_USAGE;
}

/* The model is the host. */
static void play_host(struct sides *out, const struct sides *host,
		      const char *name)
{
	out->host_is_model = true;
	out->host_errata = host->oracle.errata;
	out->host = host->host;
	if (!strncmp(host->host.line, "the model", strlen("the model")))
		return; /* that was recorded of a model */
	if (out->host.line[0])
		snprintf(out->host.line, sizeof(out->host.line),
			 "the model as %.440s", host->host.line);
	else
		snprintf(out->host.line, sizeof(out->host.line),
			 "the model under %.440s", name);
}

enum exit_status sides_choose(struct sides *out, const struct sides_options *o)
{
	bool against_that = o->host && !strcmp(o->against, "host");
	struct sides host;
	enum exit_status status;

	if (!o->host)
		return sides_against(out, o->against, o->device);
	status = sides_against(&host, o->host, o->device);
	if (status == EXIT_AGREE)
		status = sides_against(out, against_that ? o->host : o->against,
				       o->device);
	if (status == EXIT_AGREE)
		play_host(out, &host, o->host);
	return status;
}

void sides_twins(struct sides *sides)
{
	twin_sides(&sides->oracle);
}

void sides_use_twin(struct sides *sides, struct report_about *about,
		    struct twin_kind kind)
{
	size_t len = strlen(sides->again);
	char name[TWIN_NAME_MAX];

	twin_name(name, kind);
	snprintf(sides->again + len, sizeof(sides->again) - len, " --twin=%s",
		 name);
	about->again = sides->again;
	about->print_more = twin_sides_print;
	twin_sides_use(&sides->oracle, kind);
}

void sides_about(struct report_about *out, struct sides *sides,
		 const struct sides_options *o)
{
	sides->again[0] = '\0';
	if (o->host)
		snprintf(sides->again, sizeof(sides->again), " --host=%.4090s",
			 o->host);
	*out = (struct report_about){ .sides = &sides->oracle,
				      .against = o->against,
				      .host = sides->host.line,
				      .again = sides->again };
}
