// How fast is DataDecoder? It should not be seen beside hashing and copying: at least 2 GB/s.
//
//   bench_smtp_data [seconds-per-case]
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "base/random.h"
#include "smtp/data_decoder.h"
#include "smtp/data_encoder.h"

namespace {

using namespace postroad;

struct CountingSink final : smtp::BodySink {
  void write(std::string_view octets) override { total += octets.size(), ++pieces; }
  std::size_t total = 0, pieces = 0;
};

std::string lines_of(std::size_t line, std::size_t octets) {
  SeededRandom random(line);
  std::string text;
  while (text.size() < octets) {
    for (std::size_t i = 0; i + 2 < line; ++i) text += static_cast<char>('a' + random.below(26));
    text += "\r\n";
  }
  return text;
}

template <class Once>
void measure(const std::string& name, std::size_t octets, double seconds, Once once) {
  const auto start = std::chrono::steady_clock::now();
  std::size_t rounds = 0;
  double took = 0;
  do {
    for (int i = 0; i < 16; ++i) once();
    rounds += 16;
    took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  } while (took < seconds);
  fmt::print("{:<34} {:7.2f} GB/s\n", name, static_cast<double>(rounds * octets) / took / 1e9);
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1;
  for (const std::size_t line : {2u, 12u, 40u, 78u, 998u, 100'000u}) {
    const std::string text = lines_of(line, 1 << 20);
    for (const std::size_t buffer : {4096u, 65536u}) {
      measure(fmt::format("decode, lines of {}, buffer {}", line, buffer), text.size(), seconds, [&] {
        smtp::DataDecoder decoder;
        CountingSink sink;
        for (std::size_t at = 0; at < text.size(); at += buffer)
          decoder.feed(std::string_view(text).substr(at, buffer), sink);
        if (sink.total != text.size()) std::abort();
      });
    }
    measure(fmt::format("encode, lines of {}", line), text.size(), seconds, [&] {
      smtp::DataEncoder encoder(smtp::DataEncoder::Dots::Stuffed, 1 << 20);
      CountingSink sink;
      for (std::size_t at = 0; at < text.size(); at += 65536)
        if (!encoder.feed(std::string_view(text).substr(at, 65536), sink)) std::abort();
    });
  }
}
