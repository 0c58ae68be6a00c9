// The pooling mechanism as a scalar event loop: what a careful C++ programmer writes for one path.
// One event: pick a server, arrival or unit of capacity, apply the threshold policy, book the averages.
// xoshiro256++ gives one 64-bit word per event. Build: g++ -O3 -march=native -o pooling_events pooling_events.cpp
// Usage: pooling_events N lambda phi C threshold offer events seed   ->  one line of JSON.
#include <ctime>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

struct Generator {
  uint64_t s[4];
  explicit Generator(uint64_t seed) {
    for (auto& x : s) {
      seed += 0x9E3779B97F4A7C15ull;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
      x = z ^ (z >> 31);
    }
  }
  static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  uint64_t operator()() {
    const uint64_t result = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= t; s[3] = rotl(s[3], 45);
    return result;
  }
};

int main(int argc, char** argv) {
  if (argc != 9) return std::fprintf(stderr, "usage: N lambda phi C threshold offer events seed\n"), 2;
  const uint64_t n = std::strtoull(argv[1], nullptr, 10);
  const float lambda = std::atof(argv[2]), phi = std::atof(argv[3]);
  const int cap = std::atoi(argv[4]);
  const float threshold = std::atof(argv[5]), offer = std::atof(argv[6]);
  const int64_t events = std::strtoll(argv[7], nullptr, 10), warmup = events / 4;
  Generator generator(std::strtoull(argv[8], nullptr, 10));
  struct Server { int32_t queue, tokens; };
  std::vector<Server> servers(n);
  for (auto& server : servers) server = {0, int32_t(generator() % uint64_t(cap + 1))};
  const float share = lambda / (1 + lambda), up = 1 / share, down = 1 / (1 - share);
  int64_t pool = 0, jobs = 0, bound = 0;
  for (auto& server : servers) bound += server.tokens == 0 || server.tokens == cap;
  int64_t queued = 0, pooled = 0, bounded = 0, requests = 0, offers = 0, helps = 0, works = 0, idle = 0;
  std::clock_t begin = 0;
  for (int64_t e = -warmup; e < events; ++e) {
    if (e == 0) {
      begin = std::clock();
      queued = pooled = bounded = requests = offers = helps = works = idle = 0;
    }
    const uint64_t word = generator();
    const unsigned __int128 product = (unsigned __int128)(word >> 24 << 24) * n;
    Server& server = servers[uint64_t(product >> 64)];
    const float lot = float(uint64_t(product) >> 40) * 0x1p-24f, u = float(word & 0xFFFFFF) * 0x1p-24f;
    queued += jobs; pooled += pool; bounded += bound;
    const int arrival = u < share;
    const float coin = arrival ? u * up : (u - share) * down;
    const int request = arrival & (coin < float(server.queue + 1) - threshold) & (server.tokens > 0);
    const int serve = !arrival & (server.queue > 0);
    const int offered = !arrival & (server.queue == 0) & (coin < offer) & (server.tokens < cap);
    const int earn = offered & (lot < phi), help = offered & (pool > 0);
    const int was = (server.tokens == 0) | (server.tokens == cap);
    const int added = (arrival & !request) - serve;
    server.queue += added;
    server.tokens += earn - request;
    bound += ((server.tokens == 0) | (server.tokens == cap)) - was;
    jobs += added;
    pool += request - help;
    requests += request; offers += offered; helps += help; works += serve | help;
    idle += !arrival & !serve & !offered;
  }
  const double seconds = double(std::clock() - begin) / CLOCKS_PER_SEC;
  const double steps = double(events), rate = double(n) * (1 + double(lambda));
  std::printf(
      "{\"events_per_second\": %.6g, \"null_share\": %.6f, \"jobs_per_server\": %.6f, \"pool_jobs\": %.6f, "
      "\"help_request_rate\": %.6f, \"help_offer_rate\": %.6f, \"token_boundary_probability\": %.6f}\n",
      steps / seconds, idle / steps, queued / steps / n, pooled / steps, requests / steps * rate / n,
      offers / steps * rate / n, bounded / steps / n);
}
