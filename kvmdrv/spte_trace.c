/* The trace event of page-table entries, by perf_event_open(). */
#include "kvmdrv/spte_trace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, RING_PAGES = 16, FILE_MAX = 8192 };

#define RING_SIZE ((uint64_t)RING_PAGES * PAGE)
#define EVENT "events/kvmmmu/kvm_mmu_set_spte/"

static bool fails(char why[MEMORY_WHY_MAX], const char *what)
{
	snprintf(why, MEMORY_WHY_MAX, "%s: %s", what, strerror(errno));
	return false;
}

/* A mount of tracefs that nobody else sees: a descriptor, or -1. */
static int mount_tracefs(void)
{
	int context = fsopen("tracefs", FSOPEN_CLOEXEC);
	int mounted = -1;

	if (context < 0)
		return -1;
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mounted = fsmount(context, FSMOUNT_CLOEXEC, 0);
	close(context);
	return mounted;
}

/* The file @path below @folder as a string; false: errno says why. */
static bool read_file(char out[FILE_MAX], int folder, const char *path)
{
	int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, out, FILE_MAX - 1);
	close(fd);
	out[len > 0 ? len : 0] = '\0';
	return len > 0;
}

/* "FIELD;\toffset:N;\tsize:M;" in the file `format`, M being @size. */
static bool find_field(size_t *out, const char *format, const char *field,
		       unsigned int size)
{
	char wanted[32];
	unsigned int offset, found;
	const char *at;

	snprintf(wanted, sizeof(wanted), " %s;", field);
	at = strstr(format, wanted);
	if (!at || sscanf(at + strlen(wanted), " offset:%4u; size:%4u;",
			  &offset, &found) != 2)
		return false;
	*out = offset;
	return found == size && offset < FILE_MAX;
}

bool spte_fields_parse(struct spte_fields *out, const char *format)
{
	return find_field(&out->gfn, format, "gfn", 8) &&
	       find_field(&out->spte, format, "spte", 8) &&
	       find_field(&out->level, format, "level", 1);
}

/* @size bytes at @at of @len. */
static bool take(void *out, size_t size, const uint8_t *record, size_t len,
		 size_t at)
{
	if (at > len || size > len - at)
		return false;
	memcpy(out, record + at, size);
	return true;
}

bool spte_record_parse(struct spte *out, const struct spte_fields *fields,
		       const uint8_t *record, size_t len, uint64_t gfn)
{
	struct spte spte;
	uint64_t first;

	if (!take(&first, 8, record, len, fields->gfn) ||
	    !take(&spte.value, 8, record, len, fields->spte) ||
	    !take(&spte.level, 1, record, len, fields->level))
		return false;
	/* An entry of level 2 is for 512 pages, and so on. */
	if (spte.level < 1 || spte.level > 3 ||
	    first >> 9 * (spte.level - 1) != gfn >> 9 * (spte.level - 1))
		return false;
	*out = spte;
	return true;
}

static bool open_event(struct spte_trace *trace, char why[MEMORY_WHY_MAX],
		       const char *id)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attributes),
		.config = strtoull(id, NULL, 10),
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_RAW,
	};

	trace->event = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1,
				    PERF_FLAG_FD_CLOEXEC);
	if (trace->event < 0)
		return fails(why, "perf_event_open of kvm_mmu_set_spte");
	trace->ring = mmap(NULL, PAGE + RING_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED, trace->event, 0);
	if (trace->ring == MAP_FAILED) {
		trace->ring = NULL;
		return fails(why, "mmap of the event kvm_mmu_set_spte");
	}
	return true;
}

bool spte_trace_open(struct spte_trace *trace, char why[MEMORY_WHY_MAX])
{
	static const char no_event[] = "tracefs, " EVENT;
	char format[FILE_MAX], id[FILE_MAX];
	int tracefs = mount_tracefs();
	bool found;

	*trace = (struct spte_trace){ .event = -1 };
	if (tracefs < 0)
		return fails(why, "tracefs");
	found = read_file(id, tracefs, EVENT "id") &&
		read_file(format, tracefs, EVENT "format");
	if (!found)
		fails(why, no_event);
	close(tracefs);
	if (!found)
		return false;
	if (!spte_fields_parse(&trace->fields, format)) {
		snprintf(why, MEMORY_WHY_MAX,
			 "the event kvm_mmu_set_spte has other fields here");
		return false;
	}
	return open_event(trace, why, id);
}

void spte_trace_close(struct spte_trace *trace)
{
	if (trace->ring)
		munmap(trace->ring, PAGE + RING_SIZE);
	if (trace->event >= 0)
		close(trace->event);
}

/* @size bytes at @at of the ring, which goes round. */
static void copy_out(uint8_t *out, const struct spte_trace *trace, uint64_t at,
		     size_t size)
{
	const uint8_t *data = trace->ring + PAGE;

	for (size_t i = 0; i < size; i++)
		out[i] = data[(at + i) % RING_SIZE];
}

/* One record of the ring, as perf_event_open(2) has it. */
struct record {
	struct perf_event_header header;
	uint8_t rest[256]; /* of a sample: its size, and itself */
};
enum { SAMPLE_SIZE = 4 };

static bool is_sample(const struct record *record)
{
	return record->header.type == PERF_RECORD_SAMPLE &&
	       record->header.size >= sizeof(record->header) + SAMPLE_SIZE &&
	       record->header.size <= sizeof(*record);
}

/* The record at @at; false: it is none that is whole before @end. */
static bool get_record(struct record *out, const struct spte_trace *trace,
		       uint64_t at, uint64_t end)
{
	size_t size;

	if (end - at < sizeof(out->header))
		return false;
	copy_out((uint8_t *)&out->header, trace, at, sizeof(out->header));
	size = out->header.size;
	if (size < sizeof(out->header) || size > end - at)
		return false;
	if (size > sizeof(*out))
		size = sizeof(*out);
	copy_out(out->rest, trace, at + sizeof(out->header),
		 size - sizeof(out->header));
	return true;
}

bool spte_trace_read(struct spte_trace *trace, struct spte *out,
		     char why[MEMORY_WHY_MAX], uint64_t gfn)
{
	struct perf_event_mmap_page *control =
		(struct perf_event_mmap_page *)trace->ring;
	uint64_t end = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
	uint64_t at = control->data_tail;
	bool lost = false, found = false;
	struct record record = { 0 };

	while (at < end && get_record(&record, trace, at, end)) {
		at += record.header.size;
		lost |= record.header.type == PERF_RECORD_LOST;
		found |= is_sample(&record) &&
			 spte_record_parse(
				 out, &trace->fields, record.rest + SAMPLE_SIZE,
				 record.header.size - sizeof(record.header) -
					 SAMPLE_SIZE,
				 gfn);
	}
	lost |= at != end;
	__atomic_store_n(&control->data_tail, end, __ATOMIC_RELEASE);
	if (lost)
		snprintf(why, MEMORY_WHY_MAX, "trace records were lost");
	else if (!found)
		snprintf(why, MEMORY_WHY_MAX,
			 "no kvm_mmu_set_spte for a page that the guest loads");
	return found && !lost;
}
