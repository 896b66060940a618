// bench-gen: plays the guests' side of vhost-user rings, as fast as one core can.
//
//   bench-gen [OPTION]... PORT PORT [PORT PORT]...
//
// PORT (each one a "guest"; the 1st and 2nd talk to each other, the 3rd and 4th, ...)
//   vhost:PATH          connects to the vhost-user socket on which the switch listens
//   vhost-listen:PATH   listens on it; the switch connects
//   tap:NAME            makes the tap NAME in this network namespace, writes and reads frames
//   packet:IFNAME       AF_PACKET on the kernel's interface IFNAME
//
// Options (--help has them all, with defaults)
//   --size N|imix|tso   bytes of a frame, without FCS, 60 to 9000; imix: 7 x 64, 4 x 570, 1 x 1514;
//                       tso: TCP super-frames of 65226 bytes, gso_size 1448 (adds csum,tso,mrg)
//   --flows N           5-tuples of each direction, 1 to 1000000
//   --classes M         flow f is of class c = f % M (M up to 250); see "addresses"
//   --order rr|random   of flows (and frame sizes)
//   --bidir             both ports of a pair send; else the first one only
//   --rate PPS          frames a second of each sending port; 0 = as fast as the switch takes them
//   --seconds S, --warmup S   decimals are allowed; SIGINT or SIGTERM ends the measured phase
//   --prime PPS         before the warm-up: walks all flows once at this rate; 0 = does not
//   --interval S        in the measured phase, a line each S seconds before the JSON: "interval",
//                       CLOCK_MONOTONIC, the CPU time of the generator (seconds both), and what
//                       each port has sent and received until then; after --prime, "primed" and the
//                       CLOCK_MONOTONIC of its beginning and end
//   --relax US          sleeps so long when no ring has anything to do: leaves the core to others
//                       (a wake-up costs 10 to 20 us on a virtual machine)
//   --latency N         each Nth frame carries a timestamp; 0 = none
//   --features LIST     of mrg, packed, inorder, event, indirect, csum, tso; or none
//   --ring N            entries of each ring, a power of two
//   --tx-layout L       one (header and frame in one descriptor), two (header, frame), or a number:
//                       bytes of a descriptor, several a frame
//   --rx-buffer BYTES   of a receive buffer, header included
//   --touch             reads the first bytes of each received frame, as a guest would
//   --core C            where to run
//   --timeout S         to connect, and for the first frame to come through
//   --self-test         no ports: a bare loop on the next core takes the switch's place
//
// Addresses: port p (from 0) has MAC 02:67:65:6e:00:pp. Flow f of port p, class c, is UDP over IPv4
// (TCP for tso) from (32+p).f[23:16].f[15:8].f[7:0] port 1024 + f % 60000 to 10.(c+1).0.(p+1) port
// 1000 + c, to the MAC of the pair's other port. A first ARP announcement from each port lets
// NORMAL learn its MAC.
//
// Runs: connect; send slowly until frames come through; prime; warm-up; measured phase. Each phase
// ends with a drain. stdout gets one JSON object:
//
//   {"params": {"size": "64", "flows": 1, ..., "ports": ["vhost:/x/a", "vhost:/x/b"],
//               "hugepages": true, "tsc_hz": 2300000000},
//    "prime": {"sent": n, "received": n, "seconds": s},
//    "directions": [                          one for each sending port
//      {"from": 0, "to": 1,
//       "sent": n, "received": n, "lost": n,  of the measured phase, after its drain
//       "seconds": s,                         the measured window, without the drain
//       "pps": x, "gbps": x,                  received in the window; L2 bytes without FCS
//       "bad_length": n, "bad_content": n,    all phases
//       "foreign": n,                         frames of others (a kernel's own), not counted
//       "sampled": n,                         frames compared byte for byte
//       "latency_ns": {"min", "p50", "p99", "p999", "max", "mean", "samples"}}],  null: none
//    "total": {"sent", "received", "lost", "pps", "gbps", "bad_length", "bad_content", "foreign",
//              "sampled", "latency_ns"},      of all directions
//    "generator": {                           of the measured window
//      "idle_share": 0.x,                     polls in which no ring had anything to do
//      "polls": n,
//      "tx_refills": n, "tx_starved": n,      refills, and those that found the ring empty:
//                                             the switch had waited for the generator
//      "rx_polls": n, "rx_full": n,           polls with frames, and those that found every buffer
//                                             used: the switch had no room
//      "kicks": n,                            the switch asked for: a system call each
//      "late": n,                             frames that --rate wanted and that could not be sent
//      "preempted": n,                        times that the kernel ran something else on the core
//      "system_s": x},                        CPU time of it in the kernel, softirqs included
//    "ok": true}                              false: bad frames, or nothing received
//
// Exit status: 0 ok; 1 not ok (the JSON is there); 2 setup failed (one line on stderr, no JSON).
#include "tests/bench/report.h"
#include "tests/bench/self_test.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

static int pin(unsigned core)
{
	cpu_set_t cores;
	CPU_ZERO(&cores);
	CPU_SET(core, &cores);
	if (sched_setaffinity(0, sizeof(cores), &cores) == 0)
		return 0;
	fprintf(stderr, "bench-gen: cannot run on core %u: %s\n", core, strerror(errno));
	return -errno;
}

int main(int argc, char **argv)
{
	static struct run run;
	int status = 2;
	options_parse(&run.o, argc, argv);
	if (pin(run.o.core) < 0 || run_open(&run) < 0)
		goto out;
	if (run.o.self_test && self_test_start(&run, run.o.core + 1) < 0) {
		fprintf(stderr, "bench-gen: no core %u for the self-test\n", run.o.core + 1);
		goto out;
	}
	int rc = run_go(&run);
	if (run.o.self_test)
		self_test_stop();
	if (rc == 0)
		status = report_write(&run, stdout, stderr) ? 0 : 1;
out:
	run_close(&run);
	return status;
}
