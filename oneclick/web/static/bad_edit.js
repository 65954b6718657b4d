// @ts-check

/** An operation that the labels do not allow; nothing is changed. */
export class BadEdit extends Error {}
