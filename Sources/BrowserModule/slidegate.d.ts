export function createSession(settings: object, options?: object): object;
