/* Private to cli/: making recordings, of this host or of the model. */
#ifndef CLI_RECORDER_H
#define CLI_RECORDER_H

#include "cli/sides.h"
#include "cli/ticker.h"
#include "scenario/recording.h"

struct recorder {
	FILE *out;
	/* .drv: this host; NULL: the model under .oracle.errata. */
	struct sides sides;
	const char *model; /* the name of that set */
	bool dangerous;	   /* run also what may damage this kernel */
	struct ticker ticker;
	size_t total; /* entries that are coming */
	size_t nr;
	size_t nr_not_run;
	size_t nr_unsteady; /* something of them did not repeat */
};

/* Write the head. All but .ticker and what is counted is the caller's. */
enum exit_status recorder_start(struct recorder *recorder);

/* Run @entry->scenario, and write the entry. Names are to ascend. */
void recorder_add(struct recorder *recorder, struct recording_entry *entry);

/* Write the end, and say on stderr what is not as it should be. */
void recorder_end(struct recorder *recorder);

#endif
