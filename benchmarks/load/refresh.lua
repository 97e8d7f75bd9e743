-- wrk script: each request spends a refresh token that came with an earlier answer, or out of the file given as argument.
--   wrk -t1 … -s refresh.lua URL -- TOKENS          one token a line, more than there are connections
-- A token is spent once. Answers that bring no new one are counted as refused.

refused = 0
local ready, from, to = {}, 1, 0
local worker

function setup(thread) worker = thread end

function init(args)
   for token in io.lines(args[1]) do
      to = to + 1
      ready[to] = token
   end
   wrk.method = "POST"
   wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
end

function request()
   local token = ready[from]
   ready[from] = nil
   from = from + 1
   return wrk.format(nil, nil, nil, "grant_type=refresh_token&refresh_token=" .. token)
end

function response(status, headers, body)
   local token = status == 200 and string.match(body, '"refresh_token":"([^"]+)"')
   if token then
      to = to + 1
      ready[to] = token
   else
      refused = refused + 1
   end
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '\nJSON {"requests":%d,"refused":%d,"duration_us":%d,"p50_us":%.1f,"p99_us":%.1f,"max_us":%.1f,"errors":%d}\n',
      summary.requests, worker:get("refused"), summary.duration,
      latency:percentile(50), latency:percentile(99), latency.max,
      errors.connect + errors.read + errors.write + errors.timeout))
end
