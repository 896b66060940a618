#include "flowtable/isa.h"

#include <errno.h>
#include <string.h>

static const char *const names[N_ISAS] = {
    [ISA_PLAIN] = "plain", [ISA_AVX2] = "avx2", [ISA_AVX512] = "avx512"};

static int chosen = -1;

const char *isa_name(enum isa isa)
{
	return names[isa];
}

#ifdef __x86_64__
static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
	return has_avx2() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
	       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512vbmi");
}

bool isa_supported(enum isa isa)
{
	switch (isa) {
	case ISA_PLAIN:
		return true;
	case ISA_AVX2:
		return has_avx2();
	case ISA_AVX512:
		return has_avx512();
	default:
		return false;
	}
}
#else
bool isa_supported(enum isa isa)
{
	return isa == ISA_PLAIN;
}
#endif

static enum isa best(void)
{
	enum isa isa = N_ISAS - 1;

	while (!isa_supported(isa))
		isa--;
	return isa;
}

enum isa isa_current(void)
{
	if (chosen < 0)
		chosen = (int)best();
	return (enum isa)chosen;
}

int isa_set(const char *name)
{
	if (strcmp(name, "auto") == 0) {
		chosen = (int)best();
		return 0;
	}
	for (int isa = 0; isa < N_ISAS; isa++) {
		if (strcmp(name, names[isa]) != 0)
			continue;
		if (!isa_supported((enum isa)isa))
			return -ENOTSUP;
		chosen = isa;
		return 0;
	}
	return -EINVAL;
}
