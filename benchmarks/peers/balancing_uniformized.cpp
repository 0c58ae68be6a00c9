// The cycle of N queues event by event, uniformized: no clock. The number of events of an epoch, services of
// idle servers (null events) included, is drawn at once from its Poisson law; then each event costs one 64-bit
// word of xoshiro256++ for kind and place, held against 32-bit thresholds. Harder to beat than Gillespie.
// usage: balancing_uniformized N replications epochs delay seed policy(0 own, 1 jsq)
// prints one JSON object: queue-epochs of work, events, CPU seconds, drops per queue with standard error
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>
#include "xoshiro.hpp"

static Generator generator(0);
static inline uint64_t next() { return generator(); }
static inline double uniform() { return generator.uniform(); }
// The number of events of an epoch is Poisson: a normal start would not be exact, so sum chunks by inversion.
static long poisson(double mean) {
    long total = 0;
    while (mean > 30.0) {  // binary splitting by the gamma method: the k-th arrival time of a rate-1 process
        const long k = static_cast<long>(mean * 7.0 / 8.0);
        double product = 0.0;  // Gamma(k) as a sum of exponentials, in blocks to save logarithms
        double block = 1.0;
        for (long i = 0; i < k; ++i) {
            block *= 1.0 - uniform();
            if ((i & 15) == 15) { product -= std::log(block); block = 1.0; }
        }
        product -= std::log(block);
        if (product > mean) {  // fewer than k arrivals: binomial(k - 1, mean / product)
            const double p = mean / product;
            long hits = 0;
            for (long i = 0; i < k - 1; ++i) hits += uniform() < p;
            return total + hits;
        }
        total += k;
        mean -= product;
    }
    double u = uniform(), p = std::exp(-mean), c = p;
    long n = 0;
    while (u > c && n < 1000) { ++n; p *= mean / n; c += p; }
    return total + n;
}

int main(int argc, char **argv) {
    if (argc < 7) return 2;
    const int n = std::atoi(argv[1]), replications = std::atoi(argv[2]), epochs = std::atoi(argv[3]);
    const double delay = std::atof(argv[4]);
    generator = Generator(std::strtoull(argv[5], nullptr, 10));
    const bool jsq = std::atoi(argv[6]) == 1;
    const double rate[2] = {0.9, 0.6}, leave[2] = {0.2, 0.5};
    std::vector<uint8_t> queue(n);
    std::vector<int32_t> target(n);
    double sum = 0.0, squares = 0.0, events = 0.0;
    const std::clock_t clock = std::clock();
    for (int r = 0; r < replications; ++r) {
        std::fill(queue.begin(), queue.end(), 0);
        int regime = uniform() < 0.5 ? 0 : 1;
        long drops = 0;
        for (int e = 0; e < epochs; ++e) {
            for (int i = 0; i < n; ++i) {
                target[i] = i;
                if (!jsq) continue;
                const int place[3] = {i, i ? i - 1 : n - 1, i + 1 < n ? i + 1 : 0};
                const int least = std::min({queue[place[0]], queue[place[1]], queue[place[2]]});
                int ties[3], count = 0;
                for (int p : place)
                    if (queue[p] == least) ties[count++] = p;
                target[i] = ties[count == 1 ? 0 : static_cast<int>((next() >> 32) * count >> 32)];
            }
            const double lambda = rate[regime];
            const long todo = poisson(n * (lambda + 1.0) * delay);
            const uint32_t arrival = static_cast<uint32_t>(lambda / (lambda + 1.0) * 4294967296.0);
            for (long k = 0; k < todo; ++k) {
                const uint64_t word = next();
                const int i = static_cast<int>((word >> 32) * n >> 32);
                if (static_cast<uint32_t>(word) < arrival) {
                    uint8_t &q = queue[target[i]];
                    const bool full = q == 5;
                    drops += full;
                    q += !full;
                } else {
                    queue[i] -= queue[i] > 0;
                }
            }
            events += todo;
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
                work, events, seconds, mean, std::sqrt(variance / replications));
}
