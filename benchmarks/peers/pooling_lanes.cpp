// The pooling mechanism over 64 replications side by side: what a careful C++ programmer writes for vector
// registers. Every lane has its own server, words and pool; the loop over lanes has no branch, so that the
// compiler turns it into gathers, masks and scatters. A 32-bit xoshiro128++ per lane, two words per event.
// Usage: pooling_lanes N lambda phi C threshold offer events seed   (events of all lanes together)
// Source of the generator: Blackman, Vigna (2021).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>
#include "xoshiro.hpp"

constexpr int L = 64, CHUNK = 1 << 12;
struct alignas(64) Lanes { int32_t at[L]; };
struct alignas(64) Words { uint32_t at[L]; };
static Words s0, s1, s2, s3;
static Lanes jobs, pool, bound;
// Sums of a chunk of events fit 32 bits (jobs, pool and bounds below 2^19 each); they are then widened.
static Lanes queued, pooled, bounded, requests, offers, helps, works, idles;
static int64_t wide[8][L];

static void chunk(int32_t* __restrict words, int count, uint32_t n, float share, float phi, int cap, float threshold,
                  float offer) {
  const float up = 1 / share, down = 1 / (1 - share);
  for (int e = 0; e < count; ++e)
#pragma GCC ivdep
    for (int l = 0; l < L; ++l) {
      uint32_t a = s0.at[l], b = s1.at[l], c = s2.at[l], d = s3.at[l], sum[2];
      for (int k = 0; k < 2; ++k) {
        const uint32_t x = a + d;
        sum[k] = ((x << 7) | (x >> 25)) + a;
        const uint32_t t = b << 9;
        c ^= a; d ^= b; b ^= c; a ^= d; c ^= t; d = (d << 11) | (d >> 21);
      }
      s0.at[l] = a, s1.at[l] = b, s2.at[l] = c, s3.at[l] = d;
      const uint64_t product = uint64_t(sum[0]) * n;
      const int32_t place = int32_t(product >> 32) * L + l;
      const float lot = float(int32_t(uint32_t(product) >> 8)) * 0x1p-24f;
      const float u = float(int32_t(sum[1] >> 8)) * 0x1p-24f;
      const int32_t word = words[place], queue = word >> 16, tokens = word & 0xFFFF;
      const int32_t arrival = u < share;
      const float coin = arrival ? u * up : (u - share) * down;
      const int32_t request = arrival & (coin < float(queue + 1) - threshold) & (tokens > 0);
      const int32_t serve = (arrival ^ 1) & (queue > 0);
      const int32_t offered = (arrival ^ 1) & (queue == 0) & (coin < offer) & (tokens < cap);
      const int32_t earn = offered & (lot < phi), help = offered & (pool.at[l] > 0);
      const int32_t was = (tokens == 0) | (tokens == cap);
      const int32_t added = (arrival & (request ^ 1)) - serve, left = tokens + earn - request;
      words[place] = (queue + added) << 16 | left;
      queued.at[l] += jobs.at[l], pooled.at[l] += pool.at[l], bounded.at[l] += bound.at[l];
      bound.at[l] += ((left == 0) | (left == cap)) - was;
      jobs.at[l] += added;
      pool.at[l] += request - help;
      requests.at[l] += request, offers.at[l] += offered, helps.at[l] += help, works.at[l] += serve | help;
      idles.at[l] += (arrival ^ 1) & (serve ^ 1) & (offered ^ 1);
    }
}

int main(int argc, char** argv) {
  if (argc != 9) return std::fprintf(stderr, "usage: N lambda phi C threshold offer events seed\n"), 2;
  const uint32_t n = std::strtoul(argv[1], nullptr, 10);
  const float lambda = std::atof(argv[2]), phi = std::atof(argv[3]);
  const int cap = std::atoi(argv[4]);
  const float threshold = std::atof(argv[5]), offer = std::atof(argv[6]);
  const int64_t events = std::strtoll(argv[7], nullptr, 10), warmup = int64_t(720) * n * L;  // 400 units of time at lambda .8
  Generator generator(std::strtoull(argv[8], nullptr, 10));
  std::vector<int32_t> words(size_t(n) * L);
  for (int l = 0; l < L; ++l) {
    const uint64_t a = generator(), b = generator();
    s0.at[l] = uint32_t(a), s1.at[l] = uint32_t(a >> 32), s2.at[l] = uint32_t(b), s3.at[l] = uint32_t(b >> 32) | 1;
    for (uint32_t i = 0; i < n; ++i) {
      const int32_t tokens = int32_t(generator() % uint64_t(cap + 1));
      words[size_t(i) * L + l] = tokens;
      bound.at[l] += tokens == 0 || tokens == cap;
    }
  }
  Lanes* sums[8] = {&queued, &pooled, &bounded, &requests, &offers, &helps, &works, &idles};
  const float share = lambda / (1 + lambda);
  auto run = [&](int64_t steps) {
    for (int64_t done = 0; done < steps; done += CHUNK) {
      chunk(words.data(), int(std::min<int64_t>(CHUNK, steps - done)), n, share, phi, cap, threshold, offer);
      for (int k = 0; k < 8; ++k)
        for (int l = 0; l < L; ++l) wide[k][l] += sums[k]->at[l], sums[k]->at[l] = 0;
    }
  };
  run(warmup / L);
  for (auto& row : wide)
    for (auto& x : row) x = 0;
  const int64_t steps = events / L;
  const std::clock_t begin = std::clock();
  run(steps);
  const double seconds = double(std::clock() - begin) / CLOCKS_PER_SEC, rate = 1 + double(lambda);
  const char* names[5] = {"jobs_per_server", "pool_jobs", "token_boundary_probability", "help_request_rate",
                          "help_offer_rate"};
  const double scale[5] = {1.0 / n, 1.0, 1.0 / n, rate, rate};
  double idle = 0;
  for (int l = 0; l < L; ++l) idle += double(wide[7][l]) / steps / L;
  std::printf("{\"work\": %.0f, \"seconds\": %.6f, \"null\": %.6f, \"answers\": {", double(steps) * L, seconds, idle);
  for (int k = 0; k < 5; ++k) {
    double sum = 0, squares = 0;
    for (int l = 0; l < L; ++l) {
      const double x = wide[k][l] * scale[k] / steps;
      sum += x, squares += x * x;
    }
    const double error = std::sqrt(std::max(0.0, squares - sum * sum / L) / (L - 1) / L);
    std::printf("%s\"%s\": [%.8f, %.8f]", k ? ", " : "", names[k], sum / L, error);
  }
  std::printf("}}\n");
}
