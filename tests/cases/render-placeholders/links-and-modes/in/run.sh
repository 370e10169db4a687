#!/bin/sh
echo ${application}
