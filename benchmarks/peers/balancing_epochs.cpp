// The same cycle epoch by epoch in C++: joint (last state, drops) alias tables, one 32-bit word per queue.
// The law of an epoch is computed here by uniformization, independently of the package.
// usage: balancing_epochs N replications epochs delay seed policy(0 own, 1 jsq)
// prints: mean drops per queue over the epochs, its standard error, queue-epochs, CPU seconds
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

static uint64_t s[4];
static inline uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
static inline uint64_t next() {
    const uint64_t result = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= t; s[3] = rotl(s[3], 45);
    return result;
}
static inline double uniform() { return (next() >> 11) * 0x1.0p-53; }
static uint64_t splitmix(uint64_t &x) {
    uint64_t z = (x += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}
constexpr int S = 6, D = 84, K = 512;  // states, drops, columns; K >= S * (D + 1)
struct Cell { uint32_t keep; uint16_t own, alias; };

static void law(double lambda, double delay, int start, std::vector<double> &out) {
    std::vector<double> p(S * (D + 1), 0.0), q;
    out.assign(S * (D + 1), 0.0);
    p[start] = 1.0;
    const double total = lambda + 1.0, mean = total * delay;
    double weight = std::exp(-mean);
    for (int k = 0; k < 400; ++k) {
        for (int i = 0; i < S * (D + 1); ++i) out[i] += weight * p[i];
        q.assign(p.size(), 0.0);
        for (int d = 0; d <= D; ++d)
            for (int z = 0; z < S; ++z) {
                const double mass = p[d * S + z];
                if (z < S - 1) q[d * S + z + 1] += mass * lambda / total;
                else if (d < D) q[(d + 1) * S + z] += mass * lambda / total;
                q[d * S + (z ? z - 1 : 0)] += mass / total;
            }
        p.swap(q);
        weight *= mean / (k + 1);
    }
}

static void alias(const std::vector<double> &p, Cell *row) {
    std::vector<double> mass(K, 0.0);
    for (size_t i = 0; i < p.size(); ++i) mass[i] = p[i] * K;
    std::vector<int> small, large;
    for (int i = 0; i < K; ++i) (mass[i] < 1.0 ? small : large).push_back(i);
    for (int i = 0; i < K; ++i) row[i] = {UINT32_MAX, static_cast<uint16_t>(i), static_cast<uint16_t>(i)};
    while (!small.empty() && !large.empty()) {
        const int a = small.back(), b = large.back();
        small.pop_back();
        row[a].keep = static_cast<uint32_t>(std::min(mass[a] * 4294967296.0, 4294967295.0));
        row[a].alias = static_cast<uint16_t>(b);
        mass[b] -= 1.0 - mass[a];
        if (mass[b] < 1.0) { large.pop_back(); small.push_back(b); }
    }
}

int main(int argc, char **argv) {
    if (argc < 7) return 2;
    const int n = std::atoi(argv[1]), replications = std::atoi(argv[2]), epochs = std::atoi(argv[3]);
    const double delay = std::atof(argv[4]);
    uint64_t seed = std::strtoull(argv[5], nullptr, 10);
    const bool jsq = std::atoi(argv[6]) == 1;
    for (auto &word : s) word = splitmix(seed);
    const double rate[2] = {0.9, 0.6}, leave[2] = {0.2, 0.5};
    std::vector<Cell> table(2 * 4 * S * K);
    std::vector<double> p;
    for (int regime = 0; regime < 2; ++regime)
        for (int count = 0; count < 4; ++count)
            for (int z = 0; z < S; ++z) {
                law(count * rate[regime], delay, z, p);
                alias(p, &table[((regime * 4 + count) * S + z) * K]);
            }
    std::vector<uint8_t> queue(n), count(n);
    double sum = 0.0, squares = 0.0;
    const std::clock_t clock = std::clock();
    for (int r = 0; r < replications; ++r) {
        std::fill(queue.begin(), queue.end(), 0);
        int regime = uniform() < 0.5 ? 0 : 1;
        long drops = 0;
        for (int e = 0; e < epochs; ++e) {
            std::fill(count.begin(), count.end(), jsq ? 0 : 1);
            if (jsq)
                for (int i = 0; i < n; ++i) {
                    const int place[3] = {i, i ? i - 1 : n - 1, i + 1 < n ? i + 1 : 0};
                    const int least = std::min({queue[place[0]], queue[place[1]], queue[place[2]]});
                    int ties[3], number = 0;
                    for (int j : place)
                        if (queue[j] == least) ties[number++] = j;
                    ++count[ties[number == 1 ? 0 : static_cast<int>((next() >> 32) * number >> 32)]];
                }
            for (int i = 0; i < n; ++i) {
                const uint64_t word = next();
                const Cell &cell = table[((regime * 4 + count[i]) * S + queue[i]) * K + (word >> 55)];
                const int outcome = static_cast<uint32_t>(word) < cell.keep ? cell.own : cell.alias;
                drops += outcome / S;
                queue[i] = static_cast<uint8_t>(outcome % S);
            }
            if (uniform() < leave[regime]) regime = 1 - regime;
        }
        const double mean = static_cast<double>(drops) / n;
        sum += mean;
        squares += mean * mean;
    }
    const double seconds = static_cast<double>(std::clock() - clock) / CLOCKS_PER_SEC;
    const double mean = sum / replications;
    const double variance = (squares - sum * mean) / std::max(1, replications - 1);
    std::printf("%.8f %.8f %.0f %.6f\n", mean, std::sqrt(variance / replications),
                static_cast<double>(n) * epochs * replications, seconds);
}
