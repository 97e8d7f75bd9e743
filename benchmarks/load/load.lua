-- wrk script: requests out of a file, and a report as JSON.
--   wrk … -s load.lua URL -- FILE FIRST      each line a request-target and perhaps a token; begins with line FIRST
-- Requests are built before the clock starts; while it runs a request costs one table lookup, and nothing where there is only one.

local requests, count, at = {}, 0, 0

function init(args)
   for line in io.lines(args[1]) do
      local target, token = string.match(line, "^(%S+) ?(%S*)$")
      wrk.path = target
      wrk.headers["Authorization"] = token ~= "" and "Bearer " .. token or nil
      count = count + 1
      requests[count] = wrk.format()
   end
   if count == 1 then return end
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
      '\nJSON {"requests":%d,"bytes":%d,"duration_us":%d,"p50_us":%.1f,"p99_us":%.1f,"p999_us":%.1f,"max_us":%.1f,' ..
      '"connect_errors":%d,"read_errors":%d,"write_errors":%d,"timeouts":%d,"status_4xx_5xx":%d}\n',
      summary.requests, summary.bytes, summary.duration,
      latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max,
      errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
