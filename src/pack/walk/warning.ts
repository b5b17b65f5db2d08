/**
 * What a pack tells of on its way.
 */

/** Something that the run went on without; `failed` when the user asked for it and did not get it. */
export interface Warning {
  path: string;
  reason: string;
  failed: boolean;
}
