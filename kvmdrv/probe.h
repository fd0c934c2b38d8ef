/*
 * Probes: what a host shows of statements that no scenario can show
 * (kvmdrv/probes.def). The driver looks; what that says of a statement is for
 * who asks.
 */
#ifndef KVMDRV_PROBE_H
#define KVMDRV_PROBE_H

#include "kvmdrv/kvmdrv.h"

enum probe_section {
#define SECTION(id, title) PROBE_SECTION_##id,
#include "kvmdrv/probes.def"
	PROBE_SECTIONS
};

enum probe {
#define PROBE(name, section, present, text) PROBE_##name,
#include "kvmdrv/probes.def"
	PROBES
};

enum probe_answer { PROBE_UNDETERMINED, PROBE_IGNORED, PROBE_HONOURED };

enum { PROBE_WHY_MAX = 768 };

struct probe_found {
	enum probe_answer answer;
	char why[PROBE_WHY_MAX]; /* never empty */
};

struct probe_info {
	const char *name;
	enum probe_section section;
	enum probe_answer present; /* the answer by which `text` is so */
	const char *text;
};

extern const struct probe_info probe_infos[PROBES];
extern const char *const probe_sections[PROBE_SECTIONS];

/*
 * Ask the host that @drv is open on, in the thread that opened it. Takes a
 * bounded time; whatever goes wrong is PROBE_UNDETERMINED with the reason.
 */
void probe_run(struct probe_found *out, struct kvmdrv *drv, enum probe probe);

/* Private to kvmdrv/ and its tests, from here on. */

/* One a row. */
#define PROBE(name, section, present, text) \
	void probe_##name(struct probe_found *out, struct kvmdrv *drv);
#include "kvmdrv/probes.def"

/* Answer, with the reason as printf() makes it. */
void __attribute__((format(printf, 3, 4)))
probe_say(struct probe_found *out, enum probe_answer answer, const char *format,
	  ...);

#endif
