/**
 * What a pack reports while it runs.
 */

/** Something that the run left out or could not do. `failed`: the user asked for it and did not get it. */
export interface Warning {
  path: string;
  reason: string;
  failed: boolean;
}
