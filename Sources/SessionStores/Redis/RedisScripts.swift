/// What runs within the server, where nothing else runs meanwhile.
enum RedisScript: Int, CaseIterable {
    /// Puts sessions in the place of what was read, all of them or, when any has changed meanwhile, none; writes their indexes and the
    /// revocations that follow, and tells them to everyone.
    case commit
    /// Removes revocations that have ended, up to a number of them.
    case purge
    /// Does once what the others do, on a key of its own: what the user may not do shows at once, and never half-way.
    case probe

    /// How many keys are not of single sessions.
    static let commitKeys = 7

    var text: String {
        switch self {
        case .commit:
            """
            -- KEYS: fence, log, log:ends, log:last, all, due, an index to be checked; then for each session its own and its subject's
            -- ARGV: number of the connection, channel, members of the index or '*', number of revocations;
            --   for each of them its text and end; for each session its name, what was read, what to write, how long to keep it,
            --   its creation, when it is due
            local fence = redis.call('GET', KEYS[1])
            if fence and tonumber(fence) > tonumber(ARGV[1]) then return {'fenced'} end
            local revocations = tonumber(ARGV[4])
            local sessions = (#KEYS - 7) / 2
            local function argument(session, index) return ARGV[4 + 2 * revocations + 6 * (session - 1) + index] end
            local same = ARGV[3] == '*' or table.concat(redis.call('ZRANGE', KEYS[7], 0, -1), ' ') == ARGV[3]
            local present = {'changed'}
            for session = 1, sessions do
                local value = redis.call('GET', KEYS[6 + 2 * session])
                present[1 + session] = value
                same = same and (value or '') == argument(session, 2)
            end
            if not same then return present end
            -- A key that is not of its kind ends the script here, before the first change.
            redis.call('ZCARD', KEYS[5])
            redis.call('ZCARD', KEYS[6])
            for session = 1, sessions do redis.call('ZCARD', KEYS[7 + 2 * session]) end
            if revocations > 0 then
                redis.call('ZCARD', KEYS[2])
                redis.call('ZCARD', KEYS[3])
                redis.call('GET', KEYS[4])
            end
            for session = 1, sessions do
                local key, index = KEYS[6 + 2 * session], KEYS[7 + 2 * session]
                local name, value, time = argument(session, 1), argument(session, 3), argument(session, 4)
                if value == '' then
                    redis.call('DEL', key)
                    redis.call('ZREM', KEYS[5], name)
                    redis.call('ZREM', KEYS[6], name)
                    redis.call('ZREM', index, name)
                else
                    redis.call('SET', key, value, 'PX', time)
                    redis.call('ZADD', KEYS[5], 0, name)
                    redis.call('ZADD', KEYS[6], argument(session, 6), name)
                    redis.call('ZADD', index, argument(session, 5), name)
                    if redis.call('PTTL', index) < tonumber(time) then redis.call('PEXPIRE', index, time) end
                end
            end
            for revocation = 1, revocations do
                local text, ends = ARGV[3 + 2 * revocation], ARGV[4 + 2 * revocation]
                if redis.call('EXISTS', KEYS[4]) == 0 then
                    -- Numbers grow even over the loss of all data, so that nobody waits for one that he has had.
                    local time = redis.call('TIME')
                    redis.call('SET', KEYS[4], time[1] .. string.rep('0', 6 - #time[2]) .. time[2])
                end
                redis.call('ZADD', KEYS[2], redis.call('INCR', KEYS[4]), text)
                redis.call('ZADD', KEYS[3], ends, text)
                redis.pcall('PUBLISH', ARGV[2], text)  -- who may not tell leaves it to the log
            end
            return {'done'}
            """
        case .purge:
            """
            -- KEYS: fence, log, log:ends; ARGV: number of the connection, now, at most so many
            local fence = redis.call('GET', KEYS[1])
            if fence and tonumber(fence) > tonumber(ARGV[1]) then return 0 end
            local ended = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])
            for _, text in ipairs(ended) do
                redis.call('ZREM', KEYS[2], text)
                redis.call('ZREM', KEYS[3], text)
            end
            return #ended
            """
        case .probe:
            """
            -- KEYS: one of no use
            redis.call('SET', KEYS[1], '1', 'PX', '1000')
            redis.call('EXISTS', KEYS[1])
            redis.call('INCR', KEYS[1])
            redis.call('GET', KEYS[1])
            redis.call('DEL', KEYS[1])
            redis.call('ZADD', KEYS[1], 0, 'member')
            redis.call('PTTL', KEYS[1])
            redis.call('PEXPIRE', KEYS[1], '1000')
            redis.call('ZCARD', KEYS[1])
            redis.call('ZRANGE', KEYS[1], 0, -1)
            redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', 0, 'LIMIT', 0, 1)
            redis.call('ZREM', KEYS[1], 'member')
            return redis.call('TIME')
            """
        }
    }
}
