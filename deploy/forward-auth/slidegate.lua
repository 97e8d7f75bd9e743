-- Asks Slidegate about a request: `http-request lua.slidegate ADDRESS PATH HEADERS` in haproxy.cfg.
--
--   ADDRESS  where Slidegate listens, as IP:PORT
--   PATH     `forward_auth.path` of its configuration
--   HEADERS  those of `forward.claims`, with commas between: they go from Slidegate's answer into the request, and nothing a
--            client sends under such a name stays
--
-- 200 admits, and sets the variable txn.slidegate_admitted. Any other answer goes to the client as it is. What the API's answer
-- is to carry is left in txn.slidegate_*, for the rules of haproxy.cfg. Where Slidegate does not answer, the client gets 503.

-- Of one attempt; HAProxy makes up to four.
local TIMEOUT_MS = 1500

-- Fields of a question. HAProxy 2.6 ends with all its connections, where a script sends more than tune.http.maxhdr (101).
local FIELDS_MAX = 90

-- Fields of one connection, of the content, or that this file writes itself: not passed on to Slidegate.
local withheld = {
    ["connection"] = true, ["keep-alive"] = true, ["proxy-connection"] = true, ["te"] = true, ["trailer"] = true,
    ["transfer-encoding"] = true, ["upgrade"] = true, ["expect"] = true, ["content-length"] = true, ["host"] = true,
    ["x-original-method"] = true, ["x-original-uri"] = true, ["x-original-host"] = true,
}

-- Fields of Slidegate's connection: not passed on to the client.
local framing = { ["connection"] = true, ["keep-alive"] = true, ["transfer-encoding"] = true, ["content-length"] = true }

-- What rides on the API's answer, and the variable that it is left in.
local answer_fields = {
    ["x-refresh-token"] = "txn.slidegate_token",
    ["authorization"] = "txn.slidegate_authorization",
    ["set-cookie"] = "txn.slidegate_cookie",
    ["x-token-expires-in"] = "txn.slidegate_token_expires_in",
    ["x-session-expires-in"] = "txn.slidegate_session_expires_in",
    ["access-control-allow-origin"] = "txn.slidegate_allow_origin",
    ["access-control-allow-credentials"] = "txn.slidegate_allow_credentials",
    ["access-control-expose-headers"] = "txn.slidegate_expose",
    ["vary"] = "txn.slidegate_vary",
}

-- As CGI and its heirs see a name.
local function canonical(name) return (name:lower():gsub("_", "-")) end

-- HAProxy's lists begin at 0, those of Lua at 1.
local function values(list)
    local result = {}
    if list[0] ~= nil then result[1] = list[0] end
    for _, value in ipairs(list) do result[#result + 1] = value end
    return result
end

-- Nil: the request has too many fields.
local function question(txn)
    local fields = {}
    local count = 4 -- those below
    for name, list in pairs(txn.http:req_get_headers()) do
        if not withheld[canonical(name)] then
            fields[name] = values(list)
            count = count + #fields[name]
        end
    end
    if count > FIELDS_MAX then return nil end
    fields["host"] = { txn.sf:req_fhdr("host") }
    fields["x-original-method"] = { txn.sf:method() }
    fields["x-original-uri"] = { txn.sf:url() }
    fields["x-original-host"] = fields["host"]
    return fields
end

local function refuse(txn, answer)
    local headers = {}
    for name, list in pairs(answer.headers or {}) do
        if not framing[name:lower()] then headers[name] = values(list) end
    end
    txn:done(txn:reply { status = answer.status, reason = answer.reason, headers = headers, body = answer.body or "" })
end

-- Where Slidegate has not been asked, or does not answer.
local function refuse_unasked(txn, status, title, code)
    local headers = { ["content-type"] = { "application/problem+json" }, ["cache-control"] = { "no-store" } }
    if status == 503 then headers["retry-after"] = { "2" } end
    txn:done(txn:reply {
        status = status,
        headers = headers,
        body = string.format('{"type":"about:blank","title":"%s","status":%d,"code":"%s"}', title, status, code),
    })
end

-- Whether it is an answer of Slidegate's, not one that HAProxy gives where there is none.
local function is_slidegates(answer)
    if not answer or not answer.status or answer.status < 200 then return false end
    return answer.status < 500 or (answer.headers or {})["proxy-status"] ~= nil
end

local function admit(txn, answer, identity)
    local fields = {}
    for name, list in pairs(answer.headers or {}) do fields[name:lower()] = values(list) end

    local given = {}
    for name in identity:gmatch("[^,%s]+") do given[canonical(name)] = true end
    for name in pairs(txn.http:req_get_headers()) do
        if given[canonical(name)] then txn.http:req_del_header(name) end
    end
    for name in pairs(given) do
        for _, value in ipairs(fields[name] or {}) do
            if value ~= "" then txn.http:req_add_header(name, value) end
        end
    end

    for name, variable in pairs(answer_fields) do
        if fields[name] then txn:set_var(variable, table.concat(fields[name], ", ")) end
    end
    txn:set_var("txn.slidegate_admitted", true)
end

core.register_action("slidegate", { "http-req" }, function(txn, address, path, identity)
    local headers = question(txn)
    if not headers then return refuse_unasked(txn, 431, "Request Header Fields Too Large", "too_many_fields") end
    local answer = core.httpclient():get { url = "http://" .. address .. path, headers = headers, timeout = TIMEOUT_MS }
    if not is_slidegates(answer) then return refuse_unasked(txn, 503, "Service Unavailable", "decision_unavailable") end
    if answer.status ~= 200 then return refuse(txn, answer) end
    admit(txn, answer, identity)
end, 3)
