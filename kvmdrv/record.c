/* Writing ioctls down, and issuing them again. */
#include "kvmdrv/record.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kvmdrv/vm.h"

/* Arguments start on such a boundary. */
enum { ALIGNMENT = 16, CALLS_AT_FIRST = 4096, BYTES_AT_FIRST = 1 << 20 };

/* How long is what @argument points at? A request names its fixed part. */
static size_t argument_len(unsigned long request, unsigned long argument)
{
	const struct kvm_msrs *msrs = (const struct kvm_msrs *)argument;
	const struct kvm_irq_routing *routes =
		(const struct kvm_irq_routing *)argument;
	size_t len = _IOC_SIZE(request);

	if (request == KVM_SET_MSRS || request == KVM_GET_MSRS)
		len += msrs->nmsrs * sizeof(msrs->entries[0]);
	if (request == KVM_SET_GSI_ROUTING)
		len += routes->nr * sizeof(routes->entries[0]);
	return len;
}

static void *grow(void *memory, size_t size)
{
	void *larger = realloc(memory, size);

	if (!larger)
		must_succeed(-1, "malloc");
	return larger;
}

static size_t add_bytes(struct record *record, const void *bytes, size_t len)
{
	size_t at = (record->nr_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	while (at + len > record->bytes_max) {
		record->bytes_max = record->bytes_max ? 2 * record->bytes_max :
							BYTES_AT_FIRST;
		record->bytes = grow(record->bytes, record->bytes_max);
	}
	memcpy(record->bytes + at, bytes, len);
	record->nr_bytes = at + len;
	return at;
}

void record_add(struct record *record, int fd, unsigned long request,
		unsigned long argument)
{
	struct record_call call = { .fd = fd,
				    .request = request,
				    .argument = argument };

	if (record->nr_calls == record->calls_max) {
		record->calls_max = record->calls_max ? 2 * record->calls_max :
							CALLS_AT_FIRST;
		record->calls =
			grow(record->calls, record->calls_max * sizeof(call));
	}
	call.is_pointer = _IOC_DIR(request) != _IOC_NONE;
	if (call.is_pointer)
		call.argument = add_bytes(record,
					  (const void *)(uintptr_t)argument,
					  argument_len(request, argument));
	record->calls[record->nr_calls++] = call;
}

void record_replay(struct record *record)
{
	for (size_t i = 0; i < record->nr_calls; i++) {
		const struct record_call *call = &record->calls[i];
		unsigned long argument = call->argument;

		if (call->is_pointer)
			argument = (unsigned long)(record->bytes + argument);
		/* Not repeated where it says EINTR: KVM_RUN always does. */
		(void)ioctl(call->fd, call->request, argument);
	}
}

void record_free(struct record *record)
{
	free(record->calls);
	free(record->bytes);
	memset(record, 0, sizeof(*record));
}
