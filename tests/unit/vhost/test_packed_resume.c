// A driver and a device on a packed ring; the device dies at any point of a burst, again and again.
#include "vhost/packed_resume.h"

#include "vhost/packed_desc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_HERE 64
#define BURST	      8
#define DEATHS	      3000
#define LEN	      100 // bytes that the device wrote

struct place {
	unsigned slot;
	bool wrap;
};

struct model {
	struct vring_packed_desc ring[SIZE_MAX_HERE];
	unsigned size;
	unsigned chain_max;
	struct place driver, reaped, device;
	unsigned n_free;    // slots
	unsigned n_waiting; // buffers that the device has not used
	// By id; 0: not with the device. Ids are used again at once, as Linux does.
	unsigned n_slots[SIZE_MAX_HERE];
	// Ids in the order in which they were made available: [reaped, made).
	uint16_t order[SIZE_MAX_HERE];
	unsigned n_order;
};

static void advance(const struct model *m, struct place *p, unsigned n)
{
	p->slot += n;
	if (p->slot >= m->size) {
		p->slot -= m->size;
		p->wrap = !p->wrap;
	}
}

static uint16_t position(const struct place *p)
{
	return (uint16_t)(p->slot | (p->wrap ? PACKED_WRAP : 0));
}

static void model_init(struct model *m, unsigned size, unsigned chain_max)
{
	assert_true(size > 0 && chain_max > 0);
	memset(m, 0, sizeof(*m));
	m->size = m->n_free = size;
	m->chain_max = chain_max;
	m->driver.wrap = m->reaped.wrap = m->device.wrap = true;
}

static void offer(struct model *m, unsigned n)
{
	uint16_t id = 0;

	while (m->n_slots[id])
		id++;
	m->n_slots[id] = n;
	m->order[m->n_order++] = id;
	for (unsigned i = 0; i < n; i++) {
		unsigned flags = m->driver.wrap ? PACKED_AVAIL : PACKED_USED;

		flags |= i + 1 < n ? VRING_DESC_F_NEXT : 0;
		m->ring[m->driver.slot] = (struct vring_packed_desc){.addr = 0x1000,
								     .len = 2048,
								     .id = id,
								     .flags = (uint16_t)flags};
		advance(m, &m->driver, 1);
	}
	m->n_free -= n;
	m->n_waiting++;
}

static void offer_some(struct model *m, unsigned until_free)
{
	while (m->n_free > until_free) {
		unsigned n = 1 + (unsigned)rand() % (m->chain_max ? m->chain_max : 1);

		if (n > m->n_free)
			return;
		offer(m, n);
	}
}

static void used_write(struct model *m, const struct place *at, uint16_t id)
{
	unsigned flags = at->wrap ? PACKED_AVAIL | PACKED_USED : 0;
	struct vring_packed_desc *d = &m->ring[at->slot];

	d->len = LEN;
	d->id = id;
	d->flags = (uint16_t)(flags | VRING_DESC_F_WRITE);
}

static uint16_t waiting_id(const struct model *m, unsigned i)
{
	return m->order[m->n_order - m->n_waiting + i];
}

// A burst, of which `n_written` used descriptors are written before the device dies, the first one
// last. Where a device has to go on.
static struct place burst(struct model *m, unsigned n, unsigned n_written)
{
	struct place first = m->device, at = m->device, past = m->device;

	for (unsigned i = 0; i < n && i <= n_written; i++) {
		uint16_t id = waiting_id(m, i);
		unsigned n_slots = m->n_slots[id];

		if (n_slots > 1)
			m->ring[at.slot].addr = PACKED_SLOTS(n_slots);
		if (i > 0)
			used_write(m, &at, id);
		advance(m, &at, n_slots);
		if (i > 0)
			past = at;
	}
	if (n_written == n) {
		used_write(m, &first, waiting_id(m, 0));
		past = at;
	}
	return past;
}

// The driver takes back all that is used: each buffer in its place, in order.
static unsigned reap(struct model *m, unsigned max)
{
	unsigned n = 0;

	while (n < max && n < m->n_order) {
		const struct vring_packed_desc *d = &m->ring[m->reaped.slot];
		bool avail = d->flags & PACKED_AVAIL, used = d->flags & PACKED_USED;
		uint16_t id = d->id;

		if (avail != used || used != m->reaped.wrap)
			break;
		assert_int_equal(id, m->order[n]);
		advance(m, &m->reaped, m->n_slots[id]);
		m->n_free += m->n_slots[id];
		m->n_slots[id] = 0;
		n++;
	}
	memmove(m->order, m->order + n, (m->n_order - n) * sizeof(m->order[0]));
	m->n_order -= n;
	return n;
}

// packed_resume.h names the case that stays open.
static bool is_open(const struct model *m)
{
	for (unsigned i = 0; i < m->size; i++) {
		bool avail = m->ring[i].flags & PACKED_AVAIL, used = m->ring[i].flags & PACKED_USED;

		if (avail == used)
			return false;
	}
	return m->chain_max > 1 && m->n_free > 0;
}

// How many buffers lie before a place.
static void device_moves(struct model *m, const struct place *to)
{
	while (m->device.slot != to->slot || m->device.wrap != to->wrap) {
		assert_true(m->n_waiting > 0);
		advance(m, &m->device, m->n_slots[waiting_id(m, 0)]);
		m->n_waiting--;
	}
}

static unsigned one_death(struct model *m)
{
	unsigned n, n_written;
	struct place expected = m->device;
	uint16_t found = 0;

	offer_some(m, rand() % 3 ? 0 : m->size / 2);
	n = m->n_waiting < BURST ? m->n_waiting : BURST;
	n_written = n ? (unsigned)rand() % (n + 1) : 0;
	if (n)
		expected = burst(m, n, n_written);
	if (is_open(m)) {
		model_init(m, m->size, m->chain_max);
		return 0;
	}
	assert_int_equal(packed_resume(m->ring, (uint16_t)m->size, &found), 0);
	assert_int_equal(found, position(&expected));
	device_moves(m, &expected);
	reap(m, (unsigned)rand() % 4 ? m->size : 1);
	return 1;
}

static void deaths(unsigned size, unsigned chain_max)
{
	struct model m;
	unsigned n_judged = 0;

	model_init(&m, size, chain_max);
	for (unsigned i = 0; i < DEATHS; i++)
		n_judged += one_death(&m);
	assert_true(n_judged > DEATHS / 2);
	// All that a device has taken is back with the driver.
	reap(&m, m.size);
	assert_int_equal(m.n_order, m.n_waiting);
}

static void the_place_is_found_wherever_the_device_died(void **state)
{
	(void)state;
	for (unsigned size = 1; size <= SIZE_MAX_HERE; size++)
		deaths(size, 1);
}

static void buffers_of_several_slots_are_told_apart(void **state)
{
	(void)state;
	for (unsigned size = 8; size <= SIZE_MAX_HERE; size++)
		deaths(size, 3);
}

static void a_new_ring_starts_at_its_start(void **state)
{
	struct model m;
	uint16_t found = 0;

	(void)state;
	for (unsigned n = 0; n <= 16; n++) {
		model_init(&m, 16, 1);
		offer_some(&m, 16 - n);
		assert_int_equal(packed_resume(m.ring, 16, &found), 0);
		assert_int_equal(found, PACKED_WRAP);
	}
}

static void an_interrupted_burst_comes_back_without_a_byte(void **state)
{
	struct model m;
	uint16_t found = 0;

	(void)state;
	model_init(&m, 16, 1);
	offer_some(&m, 0);
	burst(&m, 4, 2); // slots 1 and 2 are used, slot 0 is held back
	assert_int_equal(packed_resume(m.ring, 16, &found), 0);
	assert_int_equal(found, 3 | PACKED_WRAP);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(m.ring[i].len, 0);
		assert_int_equal(m.ring[i].flags, PACKED_AVAIL | PACKED_USED);
	}
	assert_int_equal(reap(&m, 16), 3);
}

static void garbage_is_no_order(void **state)
{
	struct vring_packed_desc ring[SIZE_MAX_HERE];
	uint16_t found;

	(void)state;
	for (unsigned run = 0; run < 20000; run++) {
		unsigned size = 1 + (unsigned)rand() % SIZE_MAX_HERE;
		uint8_t *bytes = (uint8_t *)ring;
		// Often with few changes of the wrap counter, so that it passes for an order.
		uint16_t keep = run % 2 ? 0xffff : (uint16_t)~PACKED_AVAIL;
		int rc;

		for (size_t i = 0; i < sizeof(ring); i++)
			bytes[i] = (uint8_t)rand();
		for (unsigned i = 0; i < size; i++) {
			ring[i].flags &= keep;
			if (rand() % 2)
				ring[i].addr = PACKED_SLOTS(rand() % 80);
		}
		found = 0xffff;
		rc = packed_resume(ring, (uint16_t)size, &found);
		assert_true(rc == -EINVAL || (rc == 0 && (found & 0x7fff) < size));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_place_is_found_wherever_the_device_died),
	    cmocka_unit_test(buffers_of_several_slots_are_told_apart),
	    cmocka_unit_test(a_new_ring_starts_at_its_start),
	    cmocka_unit_test(an_interrupted_burst_comes_back_without_a_byte),
	    cmocka_unit_test(garbage_is_no_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
