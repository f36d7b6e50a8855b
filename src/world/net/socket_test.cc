// Streams over real sockets, through Listener, SystemConnector and TLS.
#include <gtest/gtest.h>

#include <string>

#include "net/connector.h"
#include "net/listener.h"
#include "net/runtime.h"
#include "net/test_server.h"

namespace postroad::net {
namespace {

task<void> echo_lines(Stream stream) {
  for (;;) {
    const auto line = co_await stream.read_line(1000);
    if (!line) co_return;
    if (*line == "QUIT") break;
    const std::string reply = std::string(*line) + "\r\n";
    co_await stream.write(reply);
  }
  co_await stream.close();
}

task<std::string> ask(Endpoint server, std::string line) {
  SystemConnector connector;
  ConnectTo to{.peer = server};
  auto stream = co_await connector.connect(std::move(to));
  if (!stream) co_return std::string(name(stream.error()));
  co_await stream->write(line + "\r\n");
  const auto reply = co_await stream->read_line(1000);
  const std::string text(*reply);
  co_await stream->write("QUIT\r\n");
  co_await stream->close();
  co_return text;
}

TEST(Listener, ServesAConnection) {
  TestServer server(echo_lines);
  EXPECT_EQ(server.client(ask(server.address(), "hello")), "hello");
}

TEST(Connector, SaysThatNobodyListens) {
  TestServer server(echo_lines);
  const Endpoint address = server.address();
  server.stop();
  EXPECT_EQ(server.client(ask(address, "hello")), "connection refused");
}

}  // namespace
}  // namespace postroad::net
