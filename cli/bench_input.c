/* The scenarios that are measured with. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/bench.h"

enum { RANDOM_BYTES = 4096 };

/* xorshift: the same scenarios in every run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Half of them small numbers, which many ops are. */
static uint8_t random_byte(uint64_t *random)
{
	uint64_t r = next_random(random);

	return (uint8_t)(r & 256 ? r % 12 : r);
}

/*
 * Is it an op on the first vCPUs, after which a VM can be reset? The host's
 * only: what guests do is not among the ioctls that can be issued again.
 */
static bool is_reset_after(const struct op *op)
{
	return op_agent(op) == AGENT_HOST && op->kind != OP_interrupt_take &&
	       op->kind != OP_halt && op->kind != OP_mp_state_set &&
	       op->kind != OP_save_restore && op->kind != OP_vcpu_create &&
	       op->kind != OP_observe && op->kind != OP_x2apic_api_enable &&
	       op_vcpu(op) < BENCH_VCPUS;
}

/* Random bytes, that make many ops on the vCPUs that come first. */
static void decode_random(struct scenario *out, uint64_t *random)
{
	static struct scenario first;
	static uint8_t bytes[SCENARIO_BYTES_MAX];

	first.nr_ops = BENCH_VCPUS;
	for (uint32_t nr = 0; nr < BENCH_VCPUS; nr++)
		first.ops[nr] = (struct op){
			.kind = OP_vcpu_create,
			.as.vcpu_create = { nr | (next_random(random) & 1)
							 << 8 },
		};
	for (size_t i = scenario_encode(bytes, sizeof(bytes), &first);
	     i < RANDOM_BYTES; i++)
		bytes[i] = random_byte(random);
	scenario_decode(out, bytes, RANDOM_BYTES);
}

/* The vCPUs, and their first four APICs enabled. */
static void begin(struct scenario *out, uint32_t nr_vcpus)
{
	out->nr_ops = BENCH_VCPUS;
	for (uint32_t i = BENCH_VCPUS; i < nr_vcpus; i++)
		out->ops[out->nr_ops++] = (struct op){
			.kind = OP_vcpu_create,
			.as.vcpu_create = { (field_vcpu_id)(0x200 + i) },
		};
	for (uint32_t i = 0; i < BENCH_VCPUS; i++)
		out->ops[out->nr_ops++] = (struct op){
			.kind = OP_lapic_write,
			.as.lapic_write = { (field_vcpu)i, AGENT_HOST,
					    APIC_REG_svr, 0xff | SVR_ENABLE },
		};
}

void bench_scenario(struct scenario *out, uint32_t nr_vcpus, size_t nr_ops,
		    uint64_t *random)
{
	static struct scenario drawn;

	decode_random(&drawn, random);
	*out = drawn;
	begin(out, nr_vcpus);
	nr_ops += nr_vcpus - BENCH_VCPUS;
	while (out->nr_ops < nr_ops) {
		for (size_t i = BENCH_VCPUS; i < drawn.nr_ops; i++)
			if (is_reset_after(&drawn.ops[i]) &&
			    out->nr_ops < nr_ops)
				out->ops[out->nr_ops++] = drawn.ops[i];
		decode_random(&drawn, random);
		drawn.config = out->config;
	}
}

static bool save(const struct bench *b, int i)
{
	static uint8_t bytes[SCENARIO_BYTES_MAX];
	size_t len = scenario_encode(bytes, sizeof(bytes), &b->scenarios[i]);
	char path[PATH_MAX + 32];
	struct output out;

	snprintf(path, sizeof(path), "%s/corpus/%d", b->scratch, i);
	if (!output_open(&out, path))
		return false;
	fwrite(bytes, 1, len, out.file);
	return output_commit(&out);
}

bool bench_prepare(struct bench *b)
{
	uint64_t random = 0x9e3779b97f4a7c15u;
	char corpus[PATH_MAX + 32];

	snprintf(b->scratch, sizeof(b->scratch), "/tmp/kvmerrata-bench.XXXXXX");
	if (!mkdtemp(b->scratch)) {
		fprintf(stderr, "%s: %s\n", b->scratch, strerror(errno));
		return false;
	}
	snprintf(corpus, sizeof(corpus), "%s/corpus", b->scratch);
	if (!path_make(corpus))
		return false;
	for (int i = 0; i < BENCH_SCENARIOS; i++) {
		bench_scenario(&b->scenarios[i], BENCH_VCPUS, BENCH_OPS,
			       &random);
		bench_scenario(&b->long_scenarios[i], BENCH_VCPUS,
			       BENCH_OPS_LONG, &random);
		if (!save(b, i))
			return false;
	}
	return true;
}

/* The folder, and what is in it; nothing is that deep. */
static void remove_folder(const char *path, int depth)
{
	const struct dirent *entry;
	DIR *folder = opendir(path);
	char inside[PATH_MAX];

	while (folder && (entry = readdir(folder)) != NULL) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (!path_join(inside, path, entry->d_name))
			continue;
		if (unlink(inside) != 0 && depth > 0)
			remove_folder(inside, depth - 1);
	}
	if (folder)
		closedir(folder);
	rmdir(path);
}

void bench_clean_up(const struct bench *b)
{
	remove_folder(b->scratch, 5);
}
