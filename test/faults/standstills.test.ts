import { describeInterruptions } from './describe-interruptions.ts';
import { standstills } from './interruptions.ts';

describeInterruptions(standstills);
