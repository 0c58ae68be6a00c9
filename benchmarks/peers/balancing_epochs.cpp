// The same cycle epoch by epoch in C++: joint (last state, drops) alias tables, one 32-bit word per queue.
// The law of an epoch is computed here by uniformization, independently of the package.
// usage: balancing_epochs N replications epochs delay seed policy(0 own, 1 jsq)
// prints one JSON object: queue-epochs of work, events, CPU seconds, drops per queue with standard error
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>
#include "balancing_law.hpp"
#include "xoshiro.hpp"

static Generator generator(0);
static inline uint64_t next() { return generator(); }
static inline double uniform() { return generator.uniform(); }
int main(int argc, char **argv) {
    if (argc < 7) return 2;
    const int n = std::atoi(argv[1]), replications = std::atoi(argv[2]), epochs = std::atoi(argv[3]);
    const double delay = std::atof(argv[4]);
    generator = Generator(std::strtoull(argv[5], nullptr, 10));
    const bool jsq = std::atoi(argv[6]) == 1;
    const double rate[2] = {0.9, 0.6}, leave[2] = {0.2, 0.5};
    const std::vector<Cell> table = tables(rate, delay);
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
    const double work = static_cast<double>(n) * epochs * replications;
    std::printf("{\"work\": %.0f, \"events\": %.0f, \"seconds\": %.6f, \"answers\": {\"drops_per_node\": [%.8f, %.8f]}}\n",
                work, work, seconds, mean, std::sqrt(variance / replications));
}
