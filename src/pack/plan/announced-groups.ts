/**
 * Groups of members that come with the groups they had.
 */
import { type Group, groupKey } from '../../format/values/entry.ts';

/** Numbers groups in the order in which they occur. */
export class AnnouncedGroups {
  private readonly numbers = new Map<string, number>();
  private announced: Group[] = [];

  numberOf(group: Group): number {
    const key = groupKey(group);
    let number = this.numbers.get(key);
    if (number === undefined) {
      number = this.numbers.size;
      this.numbers.set(key, number);
      this.announced.push(group);
    }
    return number;
  }

  takeAnnounced(): Group[] {
    const { announced } = this;
    this.announced = [];
    return announced;
  }
}
