// The pooling mechanism as a scalar event loop: what a careful C++ programmer writes for one path.
// One event: pick a server, arrival or unit of capacity, apply the threshold policy, book the averages.
// xoshiro256++ gives one 64-bit word per event. Build: g++ -O3 -march=native -o pooling_events pooling_events.cpp
// Usage: pooling_events N lambda phi C threshold offer events seed   ->  one line of JSON.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>
#include "xoshiro.hpp"

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
  const float share = lambda / (1 + lambda), base[2] = {share, 0}, scale[2] = {1 / (1 - share), 1 / share};
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
    const float coin = (u - base[arrival]) * scale[arrival];  // a table, or the compiler makes a branch of it
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
      "{\"work\": %.0f, \"seconds\": %.6f, \"null\": %.6f, \"answers\": {\"jobs_per_server\": [%.8f, 0], "
      "\"pool_jobs\": [%.8f, 0], \"help_request_rate\": [%.8f, 0], \"help_offer_rate\": [%.8f, 0], "
      "\"token_boundary_probability\": [%.8f, 0]}}\n",
      steps, seconds, idle / steps, queued / steps / n, pooled / steps, requests / steps * rate / n,
      offers / steps * rate / n, bounded / steps / n);
}
