// What a client may tell a server of its memory and rings.
#define _GNU_SOURCE // memfd_create
#include "tests/unit/memif/wires.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#define SIZE (1u << 20)

static char err[160];

static int add_region(struct memif_wire *wire, unsigned index, uint64_t size)
{
	struct memif_msg msg = {.type = MEMIF_ADD_REGION, .add_region = {(uint16_t)index, size}};
	int fd = memfd_create("test", 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return memif_wire_add_region(wire, &msg, fd, err, sizeof(err));
}

static struct memif_wire *server(void)
{
	struct memif_wire *wire = memif_wire_create(false);
	assert_non_null(wire);
	assert_int_equal(add_region(wire, 0, SIZE), 0);
	return wire;
}

static void regions_come_in_turn_and_are_not_too_many(void **state)
{
	(void)state;
	unsigned before = n_files();
	struct memif_wire *wire = server();
	assert_int_equal(add_region(wire, 2, SIZE), -EPROTO);
	assert_int_equal(add_region(wire, 0, SIZE), -EPROTO);
	for (unsigned i = 1; i < MEMIF_REGIONS_MAX; i++)
		assert_int_equal(add_region(wire, i, SIZE), 0);
	assert_int_equal(add_region(wire, MEMIF_REGIONS_MAX, SIZE), -EPROTO);
	memif_wire_destroy(wire);
	wire = server();
	assert_int_equal(add_region(wire, 1, MEMIF_LINK_BYTES_MAX), -ENOSPC);
	says(err, "more than");
	memif_wire_destroy(wire);
	await_files(before);
}

static void a_ring_that_cannot_be_is_refused(void **state)
{
	static const struct {
		uint16_t index, region;
		uint32_t offset;
		uint8_t log2_size;
		uint16_t private_size;
		bool no_eventfd;
		const char *word;
	} rows[] = {
	    {1, 0, 0, 10, 0, false, "out of turn"},
	    {65535, 0, 0, 10, 0, false, "out of turn"},
	    {0, 1, 0, 10, 0, false, "not in its region"},
	    {0, 65535, 0, 10, 0, false, "not in its region"},
	    {0, 0, UINT32_MAX, 10, 0, false, "not in its region"},
	    {0, 0, SIZE - 16384, 10, 0, false, "not in its region"},
	    {0, 0, 8, 10, 0, false, "not aligned"},
	    {0, 0, 0, 15, 0, false, "too long"},
	    {0, 0, 0, 255, 0, false, "too long"},
	    {0, 0, 0, 10, 64, false, "private headers"},
	    {0, 0, 0, 10, 0, true, "no eventfd"},
	};
	(void)state;
	unsigned before = n_files();
	struct memif_wire *wire = server();
	for (unsigned i = 0; i < 2 * RTE_DIM(rows); i++) {
		unsigned r = i / 2;
		struct memif_msg msg = {.type = MEMIF_ADD_RING,
					.add_ring = {i % 2 ? MEMIF_ADD_RING_S2M : 0, rows[r].index,
						     rows[r].region, rows[r].offset,
						     rows[r].log2_size, rows[r].private_size}};
		int fd = rows[r].no_eventfd ? memfd_create("test", 0) : eventfd(0, 0);
		assert_int_equal(memif_wire_add_ring(wire, &msg, fd, 8, err, sizeof(err)) < 0, 1);
		says(err, rows[r].word);
	}
	memif_wire_destroy(wire);
	await_files(before);
}

static int add_ring(struct memif_wire *wire, unsigned flags, unsigned index)
{
	struct memif_msg msg = {.type = MEMIF_ADD_RING,
				.add_ring = {(uint16_t)flags, (uint16_t)index, 0,
					     4096 * (index + flags), 6, 0}};
	return memif_wire_add_ring(wire, &msg, eventfd(0, 0), 2, err, sizeof(err));
}

static void rings_are_there_in_both_directions_and_not_more_than_queues(void **state)
{
	(void)state;
	struct memif_wire *wire = server();
	assert_int_equal(memif_wire_start(wire, err, sizeof(err)), -EPROTO);
	assert_int_equal(add_ring(wire, MEMIF_ADD_RING_S2M, 0), 0);
	assert_int_equal(add_ring(wire, MEMIF_ADD_RING_S2M, 1), 0);
	assert_int_equal(add_ring(wire, MEMIF_ADD_RING_S2M, 2), -EPROTO);
	says(err, "queues=");
	assert_int_equal(memif_wire_start(wire, err, sizeof(err)), -EPROTO);
	says(err, "no ring in one direction");
	assert_int_equal(add_ring(wire, 0, 0), 0);
	assert_int_equal(memif_wire_start(wire, err, sizeof(err)), -EPROTO);
	says(err, "cookie");
	memif_wire_destroy(wire);
}

// The client's largest: offsets are 32 bits wide.
static void a_client_s_buffers_lie_apart(void **state)
{
	static const struct memif_layout layouts[] = {{1, 1, 6, 128},
						      {8, 8, 10, 2048},
						      {2, 3, 14, 4096}};
	(void)state;
	for (unsigned i = 0; i < RTE_DIM(layouts); i++) {
		struct wires w = wires_make(&layouts[i]);
		uint64_t bytes = memif_layout_bytes(&layouts[i]);
		assert_int_equal(w.server->n_rx, layouts[i].n_s2m);
		assert_int_equal(w.server->n_tx, layouts[i].n_m2s);
		struct memif_ring *last = &w.client->rx[w.client->n_rx - 1];
		assert_int_equal(last->buffer_offset +
				     ((uint64_t)last->buffer_size << layouts[i].log2_size),
				 bytes);
		struct memif_ring *first = &w.client->tx[0];
		assert_true((uint8_t *)last->shared + memif_ring_bytes(layouts[i].log2_size) <=
			    w.client->regions.regions[0].addr + first->buffer_offset);
		wires_unmake(&w);
	}
}

static int setup(void **state)
{
	(void)state;
	return eal_begin() < 0 ? -1 : eventfd_kick_init(err, sizeof(err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(regions_come_in_turn_and_are_not_too_many),
	    cmocka_unit_test(a_ring_that_cannot_be_is_refused),
	    cmocka_unit_test(rings_are_there_in_both_directions_and_not_more_than_queues),
	    cmocka_unit_test(a_client_s_buffers_lie_apart),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
