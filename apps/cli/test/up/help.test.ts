import { variables } from '@holdfast/shared/runtime';
import { expect, it } from 'vitest';
import { HELP } from '../../src/up/help.ts';

it('every HOLDFAST_ setting that the help of up names is one that the product knows [K-04]', () => {
  const named = HELP.match(/\bHOLDFAST_\w+/g) ?? [];
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !Object.hasOwn(variables, name))).toEqual([]);
});
