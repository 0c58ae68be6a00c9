// The generator that the peers share: xoshiro256++ seeded by splitmix64, one instance per program or lane.
// Source: Blackman, Vigna (2021), "Scrambled linear pseudorandom number generators".
#pragma once
#include <cstdint>

inline uint64_t splitmix(uint64_t& x) {
  uint64_t z = (x += 0x9E3779B97F4A7C15ull);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

struct Generator {
  uint64_t s[4];
  explicit Generator(uint64_t seed) {
    for (auto& x : s) x = splitmix(seed);
  }
  static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  uint64_t operator()() {
    const uint64_t result = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= t; s[3] = rotl(s[3], 45);
    return result;
  }
  double uniform() { return (operator()() >> 11) * 0x1.0p-53; }
};
