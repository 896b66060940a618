// Instruction sets: files named *_hot.c are compiled once for each, and one of them is chosen when
// the program starts.
//
// In such a file every symbol that is not static is named with ISA(); what it offers is a struct of
// functions, declared with ISA_DECLARE() and put into a row with ISA_ROW(), from which users take
// the one of isa_current(). All give the same results.
#ifndef FLOWTABLE_ISA_H
#define FLOWTABLE_ISA_H

#include <stdbool.h>

enum isa {
	ISA_PLAIN,  // the compiler's baseline: x86-64-v2, or whatever the machine is
	ISA_AVX2,   // x86-64-v3
	ISA_AVX512, // x86-64-v4 with VBMI: Ice Lake, Zen 4 and later
	N_ISAS,
};

#define ISA_JOIN_(name, suffix) name##_##suffix
#define ISA_JOIN(name, suffix)	ISA_JOIN_(name, suffix)
#ifdef ISA_SUFFIX // set by the Makefile for *_hot.c
#define ISA(name) ISA_JOIN(name, ISA_SUFFIX)
#endif

#ifdef __x86_64__
#define ISA_DECLARE(type, name) extern const type name##_plain, name##_avx2, name##_avx512
#define ISA_ROW(name)                                                   \
	{                                                               \
		[ISA_PLAIN] = &name##_plain, [ISA_AVX2] = &name##_avx2, \
		[ISA_AVX512] = &name##_avx512                           \
	}
#else
#define ISA_DECLARE(type, name) extern const type name##_plain
#define ISA_ROW(name)                       \
	{                                   \
		[ISA_PLAIN] = &name##_plain \
	}
#endif

const char *isa_name(enum isa isa); // "plain", "avx2", "avx512"
// Whether this program has it and this processor can run it.
bool isa_supported(enum isa isa);
// The best supported one, unless isa_set() has chosen.
enum isa isa_current(void);
// Chooses by name; "auto" is the best one. 0, -EINVAL for an unknown name, -ENOTSUP. Before
// anything hot runs.
int isa_set(const char *name);

#endif
