/** The version of znip. A test holds it against package.json, which has to be read at start-up otherwise. */
export const VERSION = '0.1.0';
