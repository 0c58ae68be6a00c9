// What one epoch does to a queue (buffer 5, service rate 1): the joint law of its last state and its drops, by
// uniformization, and alias tables of that law. Computed here independently of the package.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

constexpr int S = 6, D = 84, K = 512;  // states, drops, columns; K >= S * (D + 1)
struct Cell { uint32_t keep; uint16_t own, alias; };

inline void law(double lambda, double delay, int start, std::vector<double> &out) {
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

inline void alias(const std::vector<double> &p, Cell *row) {
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

// Tables by (regime, packets' streams that come in, state); outcome = drops * S + state.
inline std::vector<Cell> tables(const double *rate, double delay) {
    std::vector<Cell> table(2 * 4 * S * K);
    std::vector<double> p;
    for (int regime = 0; regime < 2; ++regime)
        for (int count = 0; count < 4; ++count)
            for (int z = 0; z < S; ++z) {
                law(count * rate[regime], delay, z, p);
                alias(p, &table[((regime * 4 + count) * S + z) * K]);
            }
    return table;
}
