/* The table of probes, and how one is run. */
#include "kvmdrv/probe.h"

#include <stdarg.h>
#include <stdio.h>

#include "scenario/check.h"

const struct probe_info probe_infos[PROBES] = {
#define PROBE(name, section, present, text) \
	{ #name, PROBE_SECTION_##section, PROBE_##present, text },
#include "kvmdrv/probes.def"
};

const char *const probe_sections[PROBE_SECTIONS] = {
#define SECTION(id, title) title,
#include "kvmdrv/probes.def"
};

void probe_say(struct probe_found *out, enum probe_answer answer,
	       const char *format, ...)
{
	va_list args;

	out->answer = answer;
	va_start(args, format);
	vsnprintf(out->why, sizeof(out->why), format, args);
	va_end(args);
}

void probe_run(struct probe_found *out, struct kvmdrv *drv, enum probe probe)
{
	static void (*const run[PROBES])(struct probe_found *,
					 struct kvmdrv *) = {
#define PROBE(name, section, present, text) probe_##name,
#include "kvmdrv/probes.def"
	};

	probe_say(out, PROBE_UNDETERMINED, "the probe says nothing");
	run[probe](out, drv);
	CHECK(out->why[0]);
}
