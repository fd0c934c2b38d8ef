/* What host this is. */
#ifndef KVMDRV_HOST_H
#define KVMDRV_HOST_H

#include <stddef.h>

enum { HOST_NAME_MAX_LEN = 160, HOST_PARAMETER_MAX = 96 };

struct host {
	char kernel[HOST_NAME_MAX_LEN];	  /* as `uname -r` says */
	char module[32];		  /* kvm_intel, ...; "unknown" */
	char cpu[HOST_NAME_MAX_LEN];	  /* the CPU's model name */
	char line[3 * HOST_NAME_MAX_LEN]; /* all three, for reports */
};

/* Nothing is guessed: what cannot be read is "unknown". */
void host_describe(struct host *out);

/* Make `line` of the others. */
void host_make_line(struct host *host);

/* A parameter of kvm or of a module on it, as it is now. */
struct host_parameter {
	char name[HOST_PARAMETER_MAX]; /* such as "kvm.vector_hashing" */
	/* Cut to what there is room for; "unreadable" where it is that. */
	char value[HOST_PARAMETER_MAX];
};

/* All that there are, sorted by name; returns how many, at most @cap. */
size_t host_parameters(struct host_parameter *out, size_t cap);

#endif
