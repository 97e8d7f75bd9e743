-- wrk script: reports as JSON; with a file of tokens as argument, each request carries the next one of them.
--   wrk … -s load.lua URL                          the same request each time, fields by wrk's -H
--   wrk … -s load.lua URL -- TOKENS FIRST           one token a line, beginning with line FIRST, going round at the end
-- Requests are built before the clock starts; while it runs a request costs one table lookup.

local requests, count, at = {}, 0, 0

function init(args)
   if args[1] == nil then return end
   for token in io.lines(args[1]) do
      wrk.headers["Authorization"] = "Bearer " .. token
      count = count + 1
      requests[count] = wrk.format()
   end
   at = tonumber(args[2]) - 1
   request = function()
      at = at + 1
      if at > count then at = 1 end
      return requests[at]
   end
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '\nJSON {"requests":%d,"bytes":%d,"duration_us":%d,"p50_us":%.1f,"p99_us":%.1f,"max_us":%.1f,' ..
      '"connect_errors":%d,"read_errors":%d,"write_errors":%d,"timeouts":%d,"status_4xx_5xx":%d}\n',
      summary.requests, summary.bytes, summary.duration,
      latency:percentile(50), latency:percentile(99), latency.max,
      errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
