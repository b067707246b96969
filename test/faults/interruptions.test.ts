import { describeInterruptions } from './describe-interruptions.ts';
import { interruptions } from './interruptions.ts';

describeInterruptions(interruptions);
