/* Making recordings: what there is to say of a host, and runs of scenarios. */
#include "cli/recorder.h"

#include <string.h>

#include "cli/fingerprint.h"
#include "scenario/check.h"

enum { PARAMETERS_MAX = 256 };

/* Head lines that have a name in their key. */
static void add_named(struct recording_head *head, const char *kind,
		      const char *name, const char *value)
{
	char key[RECORDING_KEY_MAX];

	snprintf(key, sizeof(key), "%s %.112s", kind, name);
	CHECK(recording_add(head, key, value));
}

static void add_row(struct recording_head *head, uint32_t row,
		    enum presence presence, const char *why)
{
	char value[RECORDING_VALUE_MAX];

	if (erratum_infos[row].kind == ERRATUM_KIND_CANARY)
		return;
	snprintf(value, sizeof(value), "%s %s", presence_name(presence), why);
	add_named(head, "row", erratum_infos[row].name, value);
}

static void add_parameters(struct recording_head *head)
{
	static struct host_parameter parameters[PARAMETERS_MAX];
	size_t nr = host_parameters(parameters, PARAMETERS_MAX);

	for (size_t i = 0; i < nr; i++)
		add_named(head, "parameter", parameters[i].name,
			  parameters[i].value);
}

static void add_capabilities(struct recording_head *head, struct kvmdrv *drv)
{
	struct kvmdrv_capability caps[KVMDRV_CAPABILITIES];
	char value[32];

	kvmdrv_capabilities(drv, caps);
	for (size_t i = 0; i < KVMDRV_CAPABILITIES; i++) {
		snprintf(value, sizeof(value), "0x%x",
			 (unsigned int)caps[i].value);
		add_named(head, "capability", caps[i].name, value);
	}
}

static bool describe_host(struct recording_head *head, struct kvmdrv *drv)
{
	static struct fingerprint fingerprint;

	if (!fingerprint_take(&fingerprint, drv))
		return false;
	CHECK(recording_add(head, "kernel", fingerprint.host.kernel));
	CHECK(recording_add(head, "module", fingerprint.host.module));
	CHECK(recording_add(head, "cpu", fingerprint.host.cpu));
	add_parameters(head);
	add_capabilities(head, drv);
	for (uint32_t row = 0; row < ERRATA; row++)
		add_row(head, row, fingerprint.rows[row], fingerprint.why[row]);
	return true;
}

static void describe_model(struct recording_head *head,
			   const struct recorder *recorder)
{
	CHECK(recording_add(head, "model", recorder->model));
	for (uint32_t row = 0; row < ERRATA; row++)
		add_row(head, row,
			errata_has(&recorder->sides.oracle.errata, row) ?
				PRESENCE_PRESENT :
				PRESENCE_ABSENT,
			"");
}

enum exit_status recorder_start(struct recorder *recorder)
{
	static struct recording_head head;

	head.nr_facts = 0;
	if (!recorder->sides.drv)
		describe_model(&head, recorder);
	else if (!describe_host(&head, recorder->sides.drv))
		return EXIT_HARNESS;
	recording_write_head(recorder->out, &head);
	ticker_start(&recorder->ticker, "scenarios recorded");
	return EXIT_AGREE;
}

/* Twice, because what does not repeat says nothing of a host. */
static void run_here(struct recording_entry *entry, struct recorder *recorder)
{
	static struct observation again;
	struct expectation *shown = &entry->shown;
	struct kvmdrv *drv = recorder->sides.drv;
	struct kvmdrv_reason reason;

	if (sides_refuse(&reason, &recorder->sides, &entry->scenario,
			 recorder->dangerous) != DANGER_NONE) {
		snprintf(entry->not_run, sizeof(entry->not_run), "%s",
			 reason.text);
		recorder->nr_not_run++;
		return;
	}
	kvmdrv_run(drv, &shown->want, &entry->scenario, SCHEDULE_STRICT);
	kvmdrv_run(drv, &again, &entry->scenario, SCHEDULE_STRICT);
	if (!recording_know(shown, &entry->scenario, &again))
		recorder->nr_unsteady++;
}

void recorder_add(struct recorder *recorder, struct recording_entry *entry)
{
	const struct model_setup setup = {
		.errata = recorder->sides.oracle.errata,
		.schedule = SCHEDULE_STRICT,
	};

	ticker_show(&recorder->ticker, recorder->nr, recorder->total);
	entry->not_run[0] = '\0';
	if (recorder->sides.drv)
		run_here(entry, recorder);
	else
		model_run(&entry->shown, &entry->scenario, &setup);
	recording_write_entry(recorder->out, entry);
	recorder->nr++;
}

void recorder_end(struct recorder *recorder)
{
	ticker_end(&recorder->ticker);
	recording_write_end(recorder->out, recorder->nr);
	if (recorder->nr_not_run)
		fprintf(stderr, "%zu of %zu scenarios were not run here\n",
			recorder->nr_not_run, recorder->nr);
	if (recorder->nr_unsteady)
		fprintf(stderr,
			"of %zu of %zu scenarios something did not repeat, and "
			"is left out\n",
			recorder->nr_unsteady, recorder->nr);
}
