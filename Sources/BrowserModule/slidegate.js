export function createSession(settings, options) { return { settings, options }; }
