/*
 * Who a destination reaches. The domains are small: every destination, every
 * LDR and both models are tried, against a second formulation that works on
 * names of APICs instead of on bits.
 */
#include "tests/test.h"

#include "ref/rules.h"
#include "scenario/x86.h"

/* Flat: eight APICs, one a bit. Both sides name a set of them. */
static bool flat_match(uint8_t dest, uint8_t logical_id)
{
	if (dest == 255)
		return true;
	for (int apic = 0; apic < 8; apic++) {
		bool named = dest / (1 << apic) % 2 == 1;
		bool is_it = logical_id / (1 << apic) % 2 == 1;

		if (named && is_it)
			return true;
	}
	return false;
}

/* Cluster: fifteen clusters of four APICs. */
static bool cluster_match(uint8_t dest, uint8_t logical_id)
{
	if (dest == 255)
		return true;
	if (dest / 16 != logical_id / 16)
		return false;
	for (int apic = 0; apic < 4; apic++)
		if (dest % 16 / (1 << apic) % 2 == 1 &&
		    logical_id % 16 / (1 << apic) % 2 == 1)
			return true;
	return false;
}

static void xapic_logical_all(void **state)
{
	(void)state;
	for (uint32_t dest = 0; dest < 256; dest++) {
		for (uint32_t id = 0; id < 256; id++) {
			uint32_t ldr = id << 24;
			bool flat = xapic_logical_match((uint8_t)dest, ldr,
							DFR_FLAT);
			bool cluster = xapic_logical_match((uint8_t)dest, ldr,
							   DFR_CLUSTER);

			if (flat != flat_match((uint8_t)dest, (uint8_t)id))
				fail_msg("flat dest %#x ldr %#x", dest, ldr);
			if (cluster !=
			    cluster_match((uint8_t)dest, (uint8_t)id))
				fail_msg("cluster dest %#x ldr %#x", dest, ldr);
		}
	}
}

static void low_bits_of_ldr_do_not_count(void **state)
{
	(void)state;
	assert_true(xapic_logical_match(1, 0x01ffffff, DFR_FLAT));
	assert_false(xapic_logical_match(1, 0x02ffffff, DFR_FLAT));
}

static void only_two_models_are_defined(void **state)
{
	(void)state;
	for (uint32_t model = 0; model < 16; model++)
		assert_int_equal(dfr_is_defined(model << 28 | 0xfffffff),
				 model == 0 || model == 15);
	assert_false(dfr_is_defined(0xf0000000));
	assert_false(dfr_is_defined(0x00000000));
}

/* Every member bit of every kind of cluster, and the neighbours of each. */
static void x2apic_logical_all_members(void **state)
{
	static const uint32_t clusters[] = { 0,	    1,	    2,	   0xff,
					     0x100, 0xfffe, 0xffff };

	(void)state;
	for (size_t a = 0; a < ARRAY_SIZE(clusters); a++) {
		for (size_t b = 0; b < ARRAY_SIZE(clusters); b++) {
			for (uint32_t bits = 0; bits < 0x10000; bits++) {
				uint32_t ldr = clusters[b] << 16 | 1u << 3;
				uint32_t dest = clusters[a] << 16 | bits;
				bool want = dest == 0xffffffff ||
					    (a == b && bits / 8 % 2 == 1);

				if (x2apic_logical_match(dest, ldr) != want)
					fail_msg("dest %#x ldr %#x", dest, ldr);
			}
		}
	}
}

static void x2apic_ldr_of_every_id(void **state)
{
	(void)state;
	for (uint32_t id = 0; id < 0x100000; id++) {
		uint32_t ldr = x2apic_ldr(id);

		assert_int_equal(ldr / 0x10000, id / 16);
		assert_int_equal(ldr % 0x10000, 1u << id % 16);
		assert_true(x2apic_logical_match(ldr, ldr));
	}
}

static void xapic_physical_all(void **state)
{
	(void)state;
	for (uint32_t dest = 0; dest < 256; dest++)
		for (uint32_t id = 0; id < 256; id++)
			assert_int_equal(xapic_physical_match(dest,
							      (uint8_t)id),
					 dest == id || dest == 255);
	/* Hardware in xAPIC mode sees the low 8 bits. */
	assert_true(xapic_physical_match(0x123, 0x23));
	assert_false(xapic_physical_match(0x123, 0x12));
	assert_true(xapic_physical_match(0xffffffff, 0x23));
}

static void x2apic_physical_boundaries(void **state)
{
	static const uint32_t ids[] = { 0,    1,     0x22,  0x23, 0xfe,
					0xff, 0x100, 0x123, 0xfff };

	(void)state;
	for (size_t a = 0; a < ARRAY_SIZE(ids); a++)
		for (size_t b = 0; b < ARRAY_SIZE(ids); b++)
			assert_int_equal(x2apic_physical_match(ids[a], ids[b]),
					 a == b);
	for (size_t b = 0; b < ARRAY_SIZE(ids); b++) {
		assert_true(x2apic_physical_match(0xffffffff, ids[b]));
		assert_false(x2apic_physical_match(0xfffffffe, ids[b]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xapic_logical_all),
		cmocka_unit_test(low_bits_of_ldr_do_not_count),
		cmocka_unit_test(only_two_models_are_defined),
		cmocka_unit_test(x2apic_logical_all_members),
		cmocka_unit_test(x2apic_ldr_of_every_id),
		cmocka_unit_test(xapic_physical_all),
		cmocka_unit_test(x2apic_physical_boundaries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
