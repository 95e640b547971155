/** Whether this runs in Node, which has no workers of the page's kind, whatever else stands in its global scope. */
export const IS_NODE = typeof process !== 'undefined' && process.versions?.node !== undefined;
