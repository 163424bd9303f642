/* Hot loops are plain C that the compiler vectorises, compiled several times and chosen at load
 * time. */
#ifndef MDLA_KERNEL_H
#define MDLA_KERNEL_H

#if defined(MDLA_SIMD) && defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define KERNEL_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define KERNEL_CLONES
#endif

#endif
