// Two scalar loops that do what the pricing kernels do, one thread.
//   pricing diffusion PATHS STEPS SEED      exact reflected step, game and constant prices, costs of both
//   pricing packets PATHS EVENTS SEED       scale 10, two users, hyperexponential times, constant prices 1
// One JSON object: work, CPU seconds, answers with their standard errors (0: take the scatter of repeats).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include "xoshiro.hpp"

static Generator generator(0);
static inline float uniform() { return ((generator() >> 41) + 0.5f) * 0x1p-23f; }
static double cpu() { timespec t; clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }

static const float MU[2] = {0.1f, 0.05f};

static float pareto_cost(float p1, float p2, float c, float w, float* q) {
  float s1 = p1 * p1 * MU[0] / c, s2 = 2 * p2 * p2 * p2 * MU[1] * MU[1] / (c * c * c);
  float g = s1 / s2;
  float x = 2 * w * w / (2 * w + g + std::sqrt(g) * std::sqrt(g + 4 * w));
  float y = 2 * w / (1 + std::sqrt(1 + 4 * w / g));
  q[0] = MU[0] * x;
  q[1] = MU[1] * y;
  return s1 * x * x / 2 + s2 * y * y * y / 3;
}

static void diffusion(int paths, int steps) {
  const float h = 0.04f, v = 107000 * h, sd = std::sqrt(v), b = -34 * h;
  double begin = cpu(), mean[4] = {}, square[4] = {};
  for (int i = 0; i < paths; ++i) {
    float w = 0, p1 = 9, p2 = 3, spare = 0;
    bool have = false;
    double workload = 0, difference = 0, queue = 0, price = 0;
    for (int k = 0; k < steps; ++k) {
      float z;
      if (have) {
        z = spare;
      } else {
        float r = std::sqrt(-2 * std::log(uniform())), a = 6.2831853f * uniform();
        z = r * std::cos(a);
        spare = r * std::sin(a);
      }
      have = !have;
      float d = b + sd * z, fall = 0.5f * (std::sqrt(d * d - 2 * v * std::log(uniform())) - d);
      bool emptied = fall >= w;
      w = d + std::max(w, fall);
      if (emptied) { p1 = 0.64f; p2 = 0.8f; }
      float q[2], other[2];
      float cost = pareto_cost(p1, p2, 1000, w, q), reference = pareto_cost(1, 1, 1000, w, other);
      float kappa = p1 * p1 / (p2 * p2 * p2);
      p1 = std::max(kappa * kappa, 0.64f);
      p2 = std::max(kappa, 0.8f);
      workload += w;
      difference += cost - reference;
      queue += q[1];
      price += p1;
    }
    const double found[4] = {workload / steps, difference / steps, queue / steps, price / steps};
    for (int k = 0; k < 4; ++k) mean[k] += found[k], square[k] += found[k] * found[k];
  }
  const double spent = cpu() - begin;
  const char* names[4] = {"workload", "cost_difference", "queue_2", "price_1"};
  std::printf("{\"work\": %.0f, \"seconds\": %.6f, \"answers\": {", double(paths) * steps, spent);
  for (int k = 0; k < 4; ++k) {
    const double m = mean[k] / paths, variance = std::max(0.0, square[k] / paths - m * m);
    std::printf("%s\"%s\": [%.9g, %.9g]", k ? ", " : "", names[k], m, std::sqrt(variance / (paths - 1)));
  }
  std::printf("}}\n");
}

static inline float hyper(float p) {
  float e = -std::log(uniform());
  return e / (2 * (uniform() < p ? p : 1 - p));
}

static void packets(int paths, long events) {
  const float r = 10;
  const float scv[4] = {10 / 3.0f, 20, 10, 20}, batch[2] = {3, 1}, batch_scv[2] = {1, 2};
  const float theta[2] = {-1, -1.2f}, base[2] = {10 / 3.0f, 5};
  float p[4], lambda[2], chance[2], decay[2], times[4];
  for (int k = 0; k < 4; ++k) p[k] = 0.5f * (1 + std::sqrt((scv[k] - 1) / (scv[k] + 1)));
  for (int j = 0; j < 2; ++j) {
    lambda[j] = base[j] + theta[j] / (r * batch[j]);
    chance[j] = 2 / (1 + batch_scv[j] + 1 / batch[j]);
    decay[j] = std::log1p(-chance[j] / batch[j]);
  }
  double begin = cpu(), clock = 0, workload = 0;
  const float root3 = std::sqrt(3.0f);
  long q[2];
  for (long n = 0; n < paths * events; ++n) {
    if (n % events == 0) {
      q[0] = q[1] = 0;
      for (int k = 0; k < 4; ++k) times[k] = hyper(p[k]);
    }
    float c[2] = {200, 200};
    if (q[0] && q[1]) {
      float first = q[0] / r, second = q[1] / r, root = second * std::sqrt(2 / first);
      float y = (2 / root3) * root * std::sinh(std::asinh(1.5f * root3 * 200 / root) / 3);
      c[0] = (y / root) * (y / root) * y;
      c[1] = 200 - c[0];
    }
    float rate[4] = {lambda[0], lambda[1], q[0] ? c[0] * MU[0] : 0, q[1] ? c[1] * MU[1] : 0};
    int who = 0;
    float least = times[0] / rate[0];
    for (int k = 1; k < 4; ++k) {
      float t = rate[k] > 0 ? times[k] / rate[k] : INFINITY;
      if (t < least) { least = t; who = k; }
    }
    workload += (q[0] / MU[0] + q[1] / MU[1]) / r * least;
    clock += least;
    for (int k = 0; k < 4; ++k) times[k] = std::max(times[k] - rate[k] * least, 0.0f);
    times[who] = hyper(p[who]);
    if (who >= 2) {
      --q[who - 2];
    } else {
      float u = uniform();
      if (u < chance[who]) q[who] += 1 + long(std::log(u / chance[who]) / decay[who]);
    }
  }
  const double spent = cpu() - begin, work = double(paths) * events;
  std::printf("{\"work\": %.0f, \"seconds\": %.6f, \"answers\": {\"workload\": [%.9g, 0], \"events\": [%.9g, 0]}}\n", work,
              spent, workload / clock, work / clock * r * r);
}

int main(int count, char** words) {
  if (count != 5) return 2;
  generator = Generator(std::strtoull(words[4], nullptr, 10));
  if (!std::strcmp(words[1], "diffusion")) diffusion(std::atoi(words[2]), std::atoi(words[3]));
  else packets(std::atoi(words[2]), std::atol(words[3]));
}
