// Bandits as a careful C++ programmer writes them for one core: indices by state elimination (GTH pivots,
// rank-one updates of the states that are left), and plays of the index rule with the arms in a binary heap.
// Build: g++ -O3 -march=native -o bandits bandits.cpp
// Usage: bandits indices FILE OUT     FILE: doubles arms, n, stop, rewards (arms n), transitions (arms n n)
//        bandits plays FILE paths horizon arms beta seed     FILE: doubles n, rewards, indices, transitions
// Both print one line of JSON with CPU seconds.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>
#include "xoshiro.hpp"

static std::vector<double> read_all(const char* name) {
  std::FILE* file = std::fopen(name, "rb");
  if (!file) std::exit(2);
  std::fseek(file, 0, SEEK_END);
  std::vector<double> values(size_t(std::ftell(file)) / sizeof(double));
  std::rewind(file);
  if (std::fread(values.data(), sizeof(double), values.size(), file) != values.size()) std::exit(2);
  std::fclose(file);
  return values;
}

static double seconds() { return double(std::clock()) / CLOCKS_PER_SEC; }

// Indices of one arm; the states that are left are kept in the first rows and columns of `chance`.
static void eliminate(const double* rewards, const double* move, double stop, int n, double* index,
                      std::vector<double>& chance, std::vector<double>& earned, std::vector<double>& time,
                      std::vector<int>& state) {
  for (int i = 0; i < n * n; ++i) chance[i] = (1 - stop) * move[i];
  for (int i = 0; i < n; ++i) earned[i] = rewards[i], time[i] = 1, state[i] = i;
  for (int left = n; left > 0; --left) {
    int k = 0;
    for (int i = 1; i < left; ++i)
      if (earned[i] * time[k] > earned[k] * time[i]) k = i;
    const int last = left - 1;
    index[state[k]] = earned[k] / time[k];
    if (k != last) {  // the one that goes is moved to the end
      std::swap(earned[k], earned[last]), std::swap(time[k], time[last]), std::swap(state[k], state[last]);
      for (int j = 0; j < left; ++j) std::swap(chance[k * n + j], chance[last * n + j]);
      for (int i = 0; i < left; ++i) std::swap(chance[i * n + k], chance[i * n + last]);
    }
    const double* row = &chance[last * n];
    double pivot = stop * time[last];
    for (int j = 0; j < last; ++j) pivot += row[j];
    for (int i = 0; i < last; ++i) {
      double* mine = &chance[i * n];
      const double share = pivot > 0 ? mine[last] / pivot : 0;
      earned[i] += share * earned[last], time[i] += share * time[last];
      for (int j = 0; j < last; ++j) mine[j] += share * row[j];
    }
  }
}

static int indices(const char* name, const char* out) {
  const std::vector<double> data = read_all(name);
  const int arms = int(data[0]), n = int(data[1]);
  const double *rewards = &data[3], *move = rewards + size_t(arms) * n;
  std::vector<double> index(size_t(arms) * n), chance(size_t(n) * n), earned(n), time(n);
  std::vector<int> state(n);
  const double start = seconds();
  for (int a = 0; a < arms; ++a)
    eliminate(rewards + size_t(a) * n, move + size_t(a) * n * n, data[2], n, &index[size_t(a) * n], chance,
              earned, time, state);
  const double spent = seconds() - start;
  std::FILE* file = std::fopen(out, "wb");
  if (!file) return 2;
  std::fwrite(index.data(), sizeof(double), index.size(), file);
  std::fclose(file);
  std::printf("{\"work\": %d, \"seconds\": %.6f, \"answers\": {}}\n", arms, spent);
  return 0;
}

struct Alias {  // one row: column from the high bits, then keep it or take its alias
  std::vector<uint32_t> keep;
  std::vector<int> other;
  Alias(const double* p, int n) : keep(n, 0xFFFFFFFFu), other(n) {
    std::vector<double> mass(n);
    std::vector<int> small, large;
    for (int i = 0; i < n; ++i) mass[i] = p[i] * n, other[i] = i, (mass[i] < 1 ? small : large).push_back(i);
    while (!small.empty() && !large.empty()) {
      const int a = small.back(), b = large.back();
      small.pop_back();
      keep[a] = uint32_t(mass[a] * 4294967295.0), other[a] = b;
      if ((mass[b] -= 1 - mass[a]) < 1) large.pop_back(), small.push_back(b);
    }
  }
};

static int plays(char** words) {
  const std::vector<double> data = read_all(words[2]);
  const int n = int(data[0]), paths = std::atoi(words[3]), horizon = std::atoi(words[4]);
  const int arms = std::atoi(words[5]);
  const double beta = std::atof(words[6]), *rewards = &data[1], *index = rewards + n, *move = index + n;
  std::vector<Alias> rows;
  for (int i = 0; i < n; ++i) rows.emplace_back(move + i * n, n);
  Generator generator(std::strtoull(words[7], nullptr, 10));
  std::vector<int> heap(arms);  // states of the arms; the largest index on top
  double total = 0, squares = 0;
  const double start = seconds();
  for (int path = 0; path < paths; ++path) {
    std::fill(heap.begin(), heap.end(), 0);
    double weight = 1, earned = 0;
    for (int t = 0; t < horizon; ++t, weight *= beta) {
      const uint64_t word = generator();
      const Alias& row = rows[heap[0]];
      earned += weight * rewards[heap[0]];
      const int column = int((word >> 32) * uint64_t(n) >> 32);
      const int next = uint32_t(word) <= row.keep[column] ? column : row.other[column];
      int at = 0;
      for (int child; (child = 2 * at + 1) < arms; at = child) {
        if (child + 1 < arms && index[heap[child + 1]] > index[heap[child]]) ++child;
        if (index[heap[child]] <= index[next]) break;
        heap[at] = heap[child];
      }
      heap[at] = next;
    }
    total += earned, squares += earned * earned;
  }
  const double spent = seconds() - start;
  const double work = double(paths) * horizon, mean = total / paths;
  const double error = std::sqrt(std::max(0.0, squares / paths - mean * mean) / (paths - 1));
  std::printf("{\"work\": %.0f, \"seconds\": %.6f, \"answers\": {\"discounted_reward\": [%.8f, %.8f]}}\n", work, spent,
              mean, error);
  return 0;
}

int main(int count, char** words) {
  if (count == 4 && !std::strcmp(words[1], "indices")) return indices(words[2], words[3]);
  if (count == 8 && !std::strcmp(words[1], "plays")) return plays(words);
  return std::fprintf(stderr, "usage: indices FILE OUT | plays FILE paths horizon arms beta seed\n"), 2;
}
