/* What host this is. */
#ifndef KVMDRV_HOST_H
#define KVMDRV_HOST_H

enum { HOST_NAME_MAX_LEN = 160 };

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

#endif
