/* The two sides of a comparison, as the verbs need them. */
#include <string.h>

#include "cli/cli.h"

static void observe(void *context, struct observation *out,
		    const struct scenario *s, enum schedule schedule)
{
	const struct sides *sides = context;

	kvmdrv_run(sides->drv, out, s, schedule);
}

bool sides_against(struct sides *out, const char *against)
{
	const char *unknown;

	memset(out, 0, sizeof(*out));
	out->oracle.expect = model_run;
	out->oracle.observe = observe;
	out->oracle.context = out;
	out->oracle.switchable = errata_switchable();
	out->oracle.row_name = erratum_name;
	if (errata_parse(&out->oracle.errata, &unknown, against))
		return true;
	fprintf(stderr,
		"--against: unknown set or row '%s'; a set is `arch` or "
		"`documented`, then +ROW or -ROW after commas\n",
		unknown);
	return false;
}

enum exit_status sides_open(struct sides *sides, const char *device)
{
	struct kvmdrv_reason reason;

	if (kvmdrv_open(&sides->drv, &reason, device) == 0)
		return EXIT_AGREE;
	fprintf(stderr, "SKIP: %s\n", reason.text);
	return EXIT_SKIP;
}
