import { once } from "node:events";
import http from "node:http";

/** A server of somebody else, which notes what it is sent. */
export const foreign = async (answer = (_, response) => response.end("{}")) => {
  const seen = [];
  const server = http.createServer((request, response) => {
    seen.push({ url: request.url, headers: request.headers });
    answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { seen, origin: `http://127.0.0.1:${server.address().port}`, port: server.address().port, close: () => (server.close(), server.closeAllConnections()) };
};
